"""The structure of the project: sizes of files, order of imports, light import, nothing executed from disk.

Each check is a function over a folder, and is also held against a planted violation.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import glassnet

ROOT = Path(__file__).parent.parent
PACKAGE = Path(glassnet.__file__).parent
ORDER = [
    "engine",
    "nn",
    "optim",
    "data",
    "compiler",
    "plots",
    "train",
    "models",
    "doctor",
    "export",
    "api",
    "recipe",
    "viewer",
    "cli",
]
LONGEST = 400  # lines
HEAVY = {
    "rich",
    "typer",
    "safetensors",
    "PIL",
    "llvmlite",
    "threadpoolctl",
    "jax",
    "starlette",
    "uvicorn",
    "plotly",
    "matplotlib",
    "torch",
    "scipy",
    "polars",
    "optuna",
}
EXECUTING_MODULES = {"pickle", "cPickle", "marshal", "shelve", "dill", "joblib", "subprocess", "runpy"}
EXECUTING_FUNCTIONS = {"eval", "exec", "compile", "__import__"}  # as plain names: net.eval() is something else
EXECUTING_METHODS = {"import_module", "system", "popen"}

Check = Callable[[Path], list[str]]


def python_files(root: Path) -> Iterator[tuple[Path, ast.Module]]:
    for path in sorted(root.rglob("*.py")):
        yield path.relative_to(root), ast.parse(path.read_text(encoding="utf-8"))


def imported_modules(tree: ast.Module) -> Iterator[str]:
    """Every module that is imported anywhere in the file, also inside of functions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                yield "." * node.level + (node.module or "")
            elif node.module == "glassnet":
                yield from (f"glassnet.{alias.name}" for alias in node.names)
            else:
                yield node.module or ""


def long_files(root: Path) -> list[str]:
    counts = {path: len((root / path).read_text(encoding="utf-8").splitlines()) for path, _ in python_files(root)}
    return [f"{path} has {count} lines" for path, count in counts.items() if count > LONGEST]


def imports_from_below(root: Path) -> list[str]:
    """Imports of a folder that stands below the importing one in ORDER."""
    found = []
    for path, tree in python_files(root):
        own = path.parts[0].removesuffix(".py")
        if own not in ORDER:  # glassnet/__init__.py and __main__.py may import everything
            if own not in ("__init__", "__main__"):
                found.append(f"{path} is in no folder of the order")
            continue
        for module in imported_modules(tree):
            if module.startswith("."):
                found.append(f"{path} imports relatively: {module}")
            part = module.split(".")[1] if module.startswith("glassnet.") else ""
            if part in ORDER and ORDER.index(part) > ORDER.index(own):
                found.append(f"{path} imports {module}, which is below it")
    return found


def executing_code(root: Path) -> list[str]:
    """Imports and calls that could run what was read from a file."""
    found = []
    for path, tree in python_files(root):
        modules = {module.split(".")[0] for module in imported_modules(tree)}
        found.extend(f"{path} imports {module}" for module in sorted(modules & EXECUTING_MODULES))
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                function, method = getattr(node.func, "id", ""), getattr(node.func, "attr", "")
                if function in EXECUTING_FUNCTIONS | EXECUTING_METHODS or method in EXECUTING_METHODS:
                    found.append(f"{path}:{node.lineno} calls {function or method}")
                if any(k.arg == "allow_pickle" and ast.unparse(k.value) != "False" for k in node.keywords):
                    found.append(f"{path}:{node.lineno} allows pickle")
    return found


def swallowed_errors(root: Path) -> list[str]:
    """``except:`` without a class, and handlers that only pass."""
    found = []
    for path, tree in python_files(root):
        for node in ast.walk(tree):
            if isinstance(node, ast.ExceptHandler):
                passes = all(isinstance(statement, ast.Pass) for statement in node.body)
                found += [f"{path}:{node.lineno} swallows an error"] if passes or node.type is None else []
    return found


def machine_paths(root: Path) -> list[str]:
    pattern = re.compile(r"(?<![\w.])/(?:work|home|tmp|Users)/\w")
    texts = [p for p in root.rglob("*") if p.suffix in {".py", ".md", ".toml", ".yaml"} and ".venv" not in p.parts]
    return [f"{p.relative_to(root)} names a path of a machine" for p in texts if pattern.search(p.read_text("utf-8"))]


def examples_without_a_lesson(root: Path) -> list[str]:
    """Examples are numbered from 01 without gaps, say what they teach, and from 09 on assert it."""
    found = []
    for i, (path, tree) in enumerate(sorted(python_files(root)), start=1):
        found += [] if path.name.startswith(f"{i:02}_") else [f"{path} should have the number {i:02}"]
        found += [] if len(ast.get_docstring(tree) or "") > 40 else [f"{path} does not say what it teaches"]
        asserts = any(isinstance(node, ast.Assert) for node in tree.body)
        found += [] if asserts or i < 9 else [f"{path} asserts nothing of what it says"]
    return found


def html_from_text(root: Path) -> list[str]:
    """Scripts of the page that could make HTML or a program out of text, and too long ones."""
    pattern = re.compile(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|\beval\(|new Function|srcdoc"
    )
    texts = {path.relative_to(root): path.read_text("utf-8") for path in sorted(root.rglob("*.js"))}
    found = [f"{path} calls {match[0]}" for path, text in texts.items() for match in pattern.finditer(text)]
    return found + [f"{path} is too long" for path, text in texts.items() if len(text.splitlines()) > LONGEST]


def undocumented_modules(root: Path) -> list[str]:
    return [f"{path} has no docstring" for path, tree in python_files(root) if ast.get_docstring(tree) is None]


PACKAGE_CHECKS: list[Check] = [
    long_files,
    imports_from_below,
    executing_code,
    swallowed_errors,
    machine_paths,
    html_from_text,
    undocumented_modules,
]


@pytest.mark.smoke
@pytest.mark.parametrize("check", PACKAGE_CHECKS)
def test_package(check: Check) -> None:
    assert check(PACKAGE) == []


@pytest.mark.parametrize("folder", ["tests", "examples", "benchmarks"])
@pytest.mark.parametrize("check", [long_files, swallowed_errors])
def test_other_folders(check: Check, folder: str) -> None:
    assert check(ROOT / folder) == []


def test_each_example_has_a_lesson() -> None:
    assert examples_without_a_lesson(ROOT / "examples") == []


def test_examples_without_a_lesson_are_found(tmp_path: Path) -> None:
    lesson = f'"""{"What is taught. " * 5}"""\n'
    for i in range(1, 9):
        (tmp_path / f"{i:02}_lesson.py").write_text(lesson)
    assert examples_without_a_lesson(tmp_path) == []
    (tmp_path / "09_lesson.py").write_text(lesson)
    (tmp_path / "11_lesson.py").write_text("assert True")
    assert len(examples_without_a_lesson(tmp_path)) == 3


@pytest.mark.parametrize(
    ("check", "file", "text"),
    [
        (long_files, "engine/long.py", "x = 1\n" * 401),
        (imports_from_below, "engine/tensor.py", "def f():\n    import glassnet.nn.module"),
        (imports_from_below, "nn/linear.py", "from glassnet import train"),
        (imports_from_below, "nn/linear.py", "from glassnet.api import fit"),
        (imports_from_below, "nn/linear.py", "from ..train import loop"),
        (imports_from_below, "misc/linear.py", "x = 1"),
        (executing_code, "data/reader.py", "import pickle"),
        (executing_code, "data/reader.py", "from pickle import load"),
        (executing_code, "data/reader.py", "eval('1')"),
        (executing_code, "data/reader.py", "import importlib\nimportlib.import_module(name)"),
        (executing_code, "data/reader.py", "np.load(path, allow_pickle=True)"),
        (swallowed_errors, "data/reader.py", "try:\n    f()\nexcept:\n    g()"),
        (swallowed_errors, "data/reader.py", "try:\n    f()\nexcept ValueError:\n    pass"),
        (machine_paths, "data/reader.py", "path = '/home/someone/file'"),
        (html_from_text, "viewer/page/app.js", "node.innerHTML = name"),
        (html_from_text, "viewer/page/app.js", "x\n" * 401),
        (undocumented_modules, "data/reader.py", "x = 1"),
    ],
)
def test_checks_find_planted_violations(check: Check, file: str, text: str, tmp_path: Path) -> None:
    path = tmp_path / file
    path.parent.mkdir(parents=True)
    path.write_text(text)
    assert len(check(tmp_path)) == 1


def test_the_tour_of_the_library_stays_short() -> None:
    assert len((ROOT / "tests" / "test_tiny.py").read_text(encoding="utf-8").splitlines()) <= 200


def loaded_by(statement: str) -> set[str]:
    """The top-level modules that a statement loads in a fresh interpreter."""
    program = f"{statement}\nimport sys\nprint('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return {module.split(".")[0] for module in done.stdout.split()}


def test_import_is_light() -> None:
    loaded = loaded_by("import glassnet")
    assert "glassnet" in loaded
    assert not loaded & HEAVY


def test_light_import_check_finds_a_heavy_one() -> None:
    assert loaded_by("import glassnet, rich") & HEAVY == {"rich"}


def test_public_names_exist_once() -> None:
    assert len(glassnet.__all__) == len(set(glassnet.__all__))
    assert [name for name in glassnet.__all__ if not hasattr(glassnet, name)] == []
