"""The derivative of one expression, three ways: by finite differences, by hand, and by the engine.

L = (a * b + c) ** 2 / d. By hand, with the chain rule: let e = a * b + c, so L = e ** 2 / d, dL/de = 2 * e / d, and
de/da = b, de/db = a, de/dc = 1; d stands in the denominator: dL/dd = -e ** 2 / d ** 2.
"""

import glassnet as gn


def f(a, b, c, d):
    return (a * b + c) ** 2 / d


values = {"a": 2.0, "b": -3.0, "c": 10.0, "d": 4.0}
a, b, c, d = values.values()

e = a * b + c
by_hand = {"a": 2 * e / d * b, "b": 2 * e / d * a, "c": 2 * e / d, "d": -(e**2) / d**2}

h = 1e-6
nudged = {name: {**values, name: value + h} for name, value in values.items()}
numerical = {name: (f(*inputs.values()) - f(*values.values())) / h for name, inputs in nudged.items()}

leaves = {name: gn.tensor(value, requires_grad=True) for name, value in values.items()}
f(*leaves.values()).backward()

print(f"L = (a * b + c) ** 2 / d = {f(*values.values())}\n")
print("         nudged by 1e-6   by hand    engine")
for name in values:
    print(f"dL/d{name}  {numerical[name]:15.5f} {by_hand[name]:9.4f} {leaves[name].grad:9.4f}")
    assert abs(by_hand[name] - leaves[name].grad) < 1e-6
