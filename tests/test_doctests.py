"""The examples in docstrings and in the README do what they say.

Every example finds ``gn``, ``nn``, ``optim``, ``data`` and ``np`` imported, and the seed at 0.
"""

import doctest
import importlib
import importlib.util
import pkgutil
import re
from pathlib import Path

import numpy as np
import pytest

import glassnet as gn

README = Path(__file__).parent.parent / "README.md"
MODULES = ["glassnet", *(module.name for module in pkgutil.walk_packages(gn.__path__, "glassnet."))]
#: What is not read: the command, and what cannot be without an extra.
LEFT_OUT = {"glassnet.__main__"} | (
    {"glassnet.compiler.xla_namespace"} if importlib.util.find_spec("jax") is None else set()
)
FOUND = [
    test
    for name in MODULES
    if name not in LEFT_OUT
    for test in doctest.DocTestFinder().find(importlib.import_module(name))
    if test.examples
]
#: What is used most has an example.
WANTED = """
    engine.tensor.tensor engine.gradcheck.gradcheck engine.scope.no_grad
    nn.module.Module nn.container.Sequential nn.linear.Linear nn.embedding.Embedding nn.conv.Conv1d nn.conv.Conv2d
    nn.norm.BatchNorm1d nn.reshape.FlattenConsecutive nn.dropout.Dropout nn.loss_functions.cross_entropy
    optim.sgd.SGD optim.adam.Adam optim.schedules.CosineAnnealingLR optim.schedules.SequentialLR
    data.catalog.load data.batches.batches data.split.split_indices data.text.contexts data.tables.read_table
    train.callbacks.Callback models.mlp.mlp api.fit api.evaluate api.lr_find
"""


def run(test: doctest.DocTest) -> doctest.TestResults:
    gn.manual_seed(0)
    test.globs = {"gn": gn, "nn": gn.nn, "optim": gn.optim, "data": gn.data, "np": np}
    return doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.REPORT_NDIFF).run(test, clear_globs=False)


@pytest.mark.parametrize("test", FOUND, ids=lambda test: test.name)
def test_docstrings(test):
    assert run(test).failed == 0


@pytest.mark.smoke
def test_what_is_used_most_has_an_example():
    names = {test.name.removeprefix("glassnet.") for test in FOUND}
    assert [name for name in WANTED.split() if name not in names] == []


def test_a_wrong_example_is_found(capsys):
    wrong = doctest.DocTestParser().get_doctest(">>> gn.tensor(1.0) + 1\ntensor(3.)\n", {}, "wrong", None, 0)
    assert run(wrong).failed == 1
    assert "tensor(2.)" in capsys.readouterr().out


def test_the_python_of_the_readme_runs(capsys):
    blocks = re.findall(r"^```python\n(.*?)^```", README.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    assert len(blocks) == 3
    if importlib.util.find_spec("torch") is None:
        blocks = blocks[:2]
    gn.manual_seed(0)
    namespace = {}
    for block in blocks:  # each goes on from the one before
        exec(compile(block, "README.md", "exec"), namespace)  # noqa: S102  # the README is the project's own
    shown = capsys.readouterr().out.splitlines()
    assert shown[0] == "5.0"
    assert len(namespace["run"].history["val_accuracy"]) == 5
    assert namespace["run"].history["val_accuracy"][-1] > 0.85
    assert any(line.startswith(str(namespace["run"].history["val_accuracy"])) for line in shown)
    assert any("us a step on one core" in line for line in shown)
    if "watch" in namespace:
        said = "warning: missing-nonlinearity in 1 at step 0: layer 0 (Linear 784 -> 16) and layer 1 "
        assert any(line.startswith(said) for line in shown)
