"""Docstrings as Markdown: they are written to be read in an editor, as plain text with ``code``."""

import re
from importlib import import_module
from typing import Any

import griffe

#: A line that explains an argument or attribute, or several: ``lr: learning rate.``
ITEM = re.compile(r"((?:[a-z_]\w*|``[^`]+``)(?:(?:, | or )(?:[a-z_]\w*|``[^`]+``))*): (.*)")
CODE = re.compile(r"(``.*?``)")
ERROR = re.compile(r"\b[A-Z]\w+Error\b")
#: The classes that have a place in the reference.
CLASSES = {
    name: f"glassnet.{part}.{name}"
    for part in ("engine", "nn", "optim", "data", "train", "doctor", "engine.errors")
    for name, value in vars(import_module(f"glassnet.{part}")).items()
    if isinstance(value, type) and value.__module__.startswith(f"glassnet.{part}") and name[0].isupper()
}


class PlainText(griffe.Extension):
    """Makes Markdown of every docstring, and finds those of functions that are made from the rows of operations."""

    def on_package(self, *, pkg: griffe.Module, **_: Any) -> None:
        """``exp = _function(ops.exp)`` is a function too, which only running the code shows."""
        for module, part in (("engine.functions", ""), ("engine.methods", "TensorMethods")):
            here = pkg[f"{module}.{part}".rstrip(".")]
            there = import_module(f"glassnet.{module}")
            there = getattr(there, part) if part else there
            for name, member in list(here.members.items()):
                function = getattr(there, name, None)
                if isinstance(member, griffe.Attribute) and not name.startswith("_") and callable(function):
                    here[name] = self._function(name, function.__doc__ or "", here)

    def _function(self, name: str, doc: str, parent: griffe.Object) -> griffe.Function:
        """A function of any inputs: how many is up to the row."""
        kind = griffe.ParameterKind.var_positional
        inputs = griffe.Parameter("inputs", annotation="TensorLike", kind=kind)
        function = griffe.Function(name, parameters=griffe.Parameters(inputs), returns="Tensor", parent=parent)
        function.docstring = griffe.Docstring(as_markdown(doc), parent=function)
        return function

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Called for each module, class, function and attribute."""
        if obj.docstring:
            obj.docstring.value = as_markdown(obj.docstring.value)


def as_markdown(text: str) -> str:
    """Lists of arguments as lists, examples as code, and stars as stars."""
    out: list[str] = []
    inside = ""  # "item", "example" or nothing
    for line in text.split("\n"):
        item = ITEM.fullmatch(line) if inside == "item" or not out or not out[-1] else None
        if line.startswith(">>> ") and inside != "example":
            out += ["", "```pycon"]
            inside = "example"
        elif not line and inside == "example":
            out.append("```")
            inside = ""
        if inside == "example":
            out.append(line)
        elif item:
            out += ([""] if inside != "item" else []) + [f"- {_names(item[1])}: {_stars(item[2])}"]
            inside = "item"
        elif inside == "item" and line.startswith(" "):
            out.append(f"    {_stars(line.strip())}")
        elif inside == "item" and line:  # the text goes on below the list
            out += ["", _stars(line)]
            inside = ""
        else:
            out.append(line if line.startswith("    ") else _stars(line))
            inside = inside if line else ""
    return "\n".join(out + (["```"] if inside == "example" else []))


def _names(text: str) -> str:
    """The names before the colon as code."""
    return ", ".join(f"``{name.strip('`')}``" for name in re.split(", | or ", text))


def _stars(text: str) -> str:
    """Stars are multiplication and not emphasis; names of classes lead to them."""
    return "".join(_link(part) if part.startswith("``") else _errors(part) for part in CODE.split(text))


def _link(code: str) -> str:
    """``nn.Linear`` as a link, other code as it is."""
    place = CLASSES.get(code.strip("`").removeprefix("nn.").removeprefix("optim."))
    return f"[{code}][{place}]" if place else code


def _errors(text: str) -> str:
    """Names of errors as links, and stars as stars."""
    escaped = text.replace("*", "\\*")
    return ERROR.sub(lambda found: f"[{found[0]}][{CLASSES[found[0]]}]" if found[0] in CLASSES else found[0], escaped)
