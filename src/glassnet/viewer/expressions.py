"""Small expressions that are typed: numbers, names, + - * / **, and some functions. Read by a grammar of their own,
each part of which is computed by a row of the engine; nothing else can be said in them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

import numpy as np

from glassnet.engine.errors import ConfigError
from glassnet.engine.operation import Operation
from glassnet.engine.ops import TABLE
from glassnet.engine.tensor import Tensor, apply

#: Characters of an expression, names in it, and how deep its brackets may be nested.
LONGEST, NAMES, DEEPEST = 120, 8, 20
FUNCTIONS = {
    name: TABLE[name] for name in ("tanh", "sigmoid", "relu", "softplus", "exp", "log", "sqrt", "sin", "cos", "abs")
}
_TOKEN = re.compile(r"\s*(?:([0-9]+(?:\.[0-9]*)?|\.[0-9]+)|([a-z][a-z0-9_]{0,7})|(\*\*|[-+*/()]))", re.ASCII)
#: How tightly an operator between two terms binds, and its row. A power binds from the right.
_BETWEEN = {"+": (1, "add"), "-": (1, "subtract"), "*": (2, "multiply"), "/": (2, "divide"), "**": (4, "power")}
_MINUS = 3

Term = Tensor | float


class Expression:
    """An expression, and what its names stand for: each a leaf, in float64.

    Raises ConfigError, which says where, for anything that is none.

    >>> from glassnet.viewer.expressions import Expression
    >>> found = Expression("tanh(a * b + 1)", {"a": 2.0, "b": -0.5})
    >>> found.output.item(), sorted(found.leaves)
    (0.0, ['a', 'b'])
    """

    def __init__(self, text: str, values: Mapping[str, float]) -> None:
        if len(text) > LONGEST:
            raise ConfigError(f"an expression has at most {LONGEST} characters, got {len(text)}.")
        self.text, self.values = text, values
        self.leaves: dict[str, Tensor] = {}
        self._tokens, self._next, self._depth = _tokens(text), 0, 0
        with np.errstate(all="ignore"):
            found = self._term(0)
        if self._next < len(self._tokens):
            raise ConfigError(f"{self._tokens[self._next]!r} cannot stand where it stands in {text!r}.")
        if not isinstance(found, Tensor) or found.node is None:
            raise ConfigError("an expression computes something from at least one name, such as a * b + c.")
        self.output = found

    def _term(self, binding: int) -> Term:
        """What comes next, up to an operator that binds no tighter."""
        self._depth += 1
        if self._depth > DEEPEST:
            raise ConfigError(f"brackets are nested at most {DEEPEST} times.")
        left = self._first()
        while (operator := self._peek()) in _BETWEEN and _BETWEEN[operator][0] > binding:
            tightness, name = _BETWEEN[operator]
            self._next += 1
            left = _computed(TABLE[name], left, self._term(tightness - (operator == "**")))
        self._depth -= 1
        return left

    def _first(self) -> Term:
        part = self._take()
        if part == "-":
            return _computed(TABLE["negate"], self._term(_MINUS))
        if part == "(":
            return self._closed()
        if part in FUNCTIONS and self._peek() == "(":
            self._next += 1
            return _computed(FUNCTIONS[part], self._closed())
        if part[0].isdigit() or part[0] == ".":
            return float(part)
        if part[0].isalpha() and part not in FUNCTIONS:
            return self._leaf(part)
        hint = f" Write {part}(...)." if part in FUNCTIONS else ""
        raise ConfigError(f"{part!r} cannot stand where it stands in {self.text!r}.{hint}")

    def _closed(self) -> Term:
        found = self._term(0)
        if self._take() != ")":
            raise ConfigError(f"a bracket is not closed in {self.text!r}.")
        return found

    def _leaf(self, name: str) -> Tensor:
        if name not in self.leaves:
            if self._peek() == "(":
                raise ConfigError(f"there is no function {name}; there are {', '.join(FUNCTIONS)}.")
            if len(self.leaves) == NAMES:
                raise ConfigError(f"an expression has at most {NAMES} names.")
            value = np.array(self.values.get(name, 1.0), np.float64)
            self.leaves[name] = Tensor(value, requires_grad=True)
        return self.leaves[name]

    def _peek(self) -> str:
        return self._tokens[self._next] if self._next < len(self._tokens) else ""

    def _take(self) -> str:
        token = self._peek()
        if not token:
            raise ConfigError(f"the expression {self.text!r} ends too early.")
        self._next += 1
        return token


def _computed(row: Operation, *terms: Term) -> Term:
    """What a row gives; a number where only numbers go in."""
    found = apply(row, *(term if isinstance(term, Tensor) else Tensor(np.array(term, np.float64)) for term in terms))
    return found if found.node is not None else float(found.data)


def _tokens(text: str) -> list[str]:
    found, place = [], 0
    while text[place:].strip():
        match = _TOKEN.match(text, place)
        if match is None:
            raise ConfigError(f"{text[place:].strip()[0]!r} has no meaning in an expression, as in {text!r}.")
        found.append(match[0].strip())
        place = match.end()
    return found


def read_values(text: str) -> dict[str, float]:
    """Values of names, as in ``a=2,b=-0.5``. Raises ConfigError for anything else."""
    found: dict[str, float] = {}
    for part in filter(None, text.split(",")):
        name, _, number = part.partition("=")
        try:
            found[name.strip()] = float(number)
        except ValueError:
            raise ConfigError(f"values are written as in a=2,b=-0.5, got {part!r:.40}.") from None
        if not math.isfinite(found[name.strip()]):
            raise ConfigError(f"{name.strip()!r:.20} must be a finite number, got {number!r:.20}.")
    return found
