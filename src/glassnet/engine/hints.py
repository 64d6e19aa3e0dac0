"""What to say of a name that does not exist: how the thing is written here, or the nearest name that there is.

PyTorch has several names for some things. Here each has one; a name that is known from there leads to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

#: Names that PyTorch's tensors have, and what to write here.
TENSOR = {
    "view": "x.reshape(...)",
    "clamp": "x.clip(min, max)",
    "dim": "x.ndim",
    "numel": "x.size",
    "t": "x.T",
    "mT": "x.transpose(-2, -1)",
    "add": "x + y",
    "sub": "x - y",
    "mul": "x * y",
    "div": "x / y",
    "neg": "-x",
    "pow": "x ** y",
    "square": "x * x",
    "matmul": "x @ y",
    "mm": "x @ y",
    "bmm": "x @ y",
    "dot": "x @ y",
    "norm": "(x * x).sum().sqrt()",
    "chunk": "x.split(size)",
    "repeat": "x.expand(...)",
    "masked_fill": "glassnet.where(mask, value, x)",
    "values": "x.max(axis) for the values and x.argmax(axis) for their positions",
    "indices": "x.max(axis) for the values and x.argmax(axis) for their positions",
    "float": 'x.to("float32")',
    "double": 'x.to("float64")',
    "long": 'x.to("int64")',
    "is_leaf": "x.node is None",
    "grad_fn": "x.node",
    "requires_grad_": "x.requires_grad = True",
    **{
        name: f"x.data.{name}(...), which is NumPy's and has no gradient"
        for name in ("all", "any", "tolist", "prod", "round", "nonzero", "argsort")
    },
}


def missing_attribute(owner: Any, called: str, name: str, words: Mapping[str, str]) -> AttributeError:
    """The error for an attribute that ``owner`` lacks, with what ``words`` say of it or the nearest name."""
    hint = ""
    if name in words:
        hint = f" Write {words[name]}."
    elif not name.startswith("__"):  # Python itself asks whether there is one
        near = get_close_matches(name, dir(owner), n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
    return AttributeError(f"{called} has no attribute {name!r}.{hint}", name=name, obj=owner)
