"""Numbers that a step must not meet: it says so (``holds``), and reads nothing outside of its memory."""

from dataclasses import replace

import numpy as np
import pytest

import glassnet as gn
from glassnet import nn
from glassnet.compiler.program import Program
from glassnet.engine.tensor import Tensor

from .agreement import Work
from .records import record_of

RANDOM = np.random.default_rng(0)
ROWS, LABELS, NAMES = RANDOM.standard_normal((12, 4)), RANDOM.integers(0, 3, 12), RANDOM.integers(0, 9, (12, 2))


def mlp():
    gn.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3))


def letters():
    gn.manual_seed(0)
    return nn.Sequential(nn.Embedding(9, 3), nn.Flatten(), nn.Linear(6, 3))


def with_one(array, value):
    """The array with a value in its row 7."""
    changed = array.copy()
    changed[7] = value
    return changed


CASES = {
    "label too large": Work(mlp, ROWS, with_one(LABELS, 3)),
    "label far too large": Work(mlp, ROWS, with_one(LABELS, 2**40)),
    "label negative": Work(mlp, ROWS, with_one(LABELS, -1)),
    "label of another sign": Work(mlp, ROWS, with_one(LABELS, -(2**62))),
    "letter too large": Work(letters, with_one(NAMES, 9), LABELS),
    "letter far too large": Work(letters, with_one(NAMES, 2**33), LABELS),
    "letter negative": Work(letters, with_one(NAMES, -1), LABELS),
    "probability above 1": Work(mlp, ROWS, with_one(RANDOM.random((12, 3)), 1.5), nn.BCEWithLogitsLoss()),
    "probabilities that are none": Work(mlp, ROWS, with_one(RANDOM.dirichlet(np.ones(3), 12), 0.9)),
    "label beside ignored ones": Work(mlp, ROWS, np.where(np.arange(12) == 1, -100, with_one(LABELS, 5))),
    "one-hot": Work(lambda: nn.Sequential(nn.OneHot(9), nn.Flatten(), nn.Linear(18, 3)), with_one(NAMES, 12), LABELS),
}


def told(work, rows):
    """What steps over these rows tell, one after the other."""
    step = work.compiled()
    rows = np.array(rows)
    words = np.zeros((len(rows), len(step.streams), 2), np.uint32)
    return step.run(rows, np.tile(step.bound.rates(), (len(rows), 1)), 0, words), step


@pytest.mark.parametrize("name", CASES)
def test_a_step_says_where_its_conditions_do_not_hold(name):
    found, _ = told(replace(CASES[name], batch=3), [[0, 1, 2], [6, 7, 8], [9, 10, 11]])
    assert found["holds"].tolist() == [True, False, True]


@pytest.mark.parametrize("name", CASES)
def test_the_eager_step_refuses_the_same(name):
    work = CASES[name]
    _, _, step = work.begin()
    step(Tensor(work.cast(work.x)[:3]), Tensor(work.cast(work.y)[:3]))
    with pytest.raises(gn.DataError):
        step(Tensor(work.cast(work.x)[6:9]), Tensor(work.cast(work.y)[6:9]))


def test_all_labels_ignored():
    work = Work(mlp, ROWS, np.where(np.arange(12) < 6, LABELS, -100), batch=3)
    found, _ = told(work, [[0, 1, 2], [5, 6, 7], [6, 7, 8]])
    assert found["holds"].tolist() == [True, True, False]


def test_positions_are_kept_inside_of_the_array():
    """Look-ups and sums by position, of numbers that nobody has checked."""
    table = np.arange(1.0, 5.0)

    def function(xp, table, places):
        found = table[places.astype(np.int64)]
        return {"out": found, "added": xp.scatter_add((4,), (places.astype(np.int64),), found)}

    places = np.array([0.0, 3.0, -1.0, 4.0, 2.0**40, -(2.0**40)])
    program = Program(record_of(function, table=table, places=places * 0), {})
    program.state["net.table"][...] = table
    program.state["net.places"][...] = places
    out = program.run(np.zeros((1, 0)), np.zeros((1, 0)), 0, np.zeros((1, 0, 2)))
    np.testing.assert_array_equal(out["out"][0], [1, 4, 4, 4, 4, 1])
    np.testing.assert_array_equal(out["added"][0], [2, 0, 0, 16])


@pytest.mark.parametrize("rows", [[[0, 12, 1]], [[-1, 0, 1]], [[2**40, 0, 0]]])
def test_rows_that_the_tables_do_not_have_are_refused(rows):
    with pytest.raises(gn.DataError, match="rows must be from 0 to 11"):
        told(replace(CASES["label negative"], batch=3), rows)


def test_what_does_not_fit_the_program_is_refused():
    step = replace(CASES["label negative"], batch=3).compiled()
    rates, words, rows = np.zeros((1, 1)), np.zeros((1, 0, 2)), np.zeros((1, 3), np.int64)
    with pytest.raises(gn.ShapeError, match="rows, rates and words"):
        step.run(rows[:, :2], rates, 0, words)
    with pytest.raises(gn.ShapeError, match="rows, rates and words"):
        step.run(rows, rates[:, :0], 0, words)
    tables = {"data.x": ROWS[:3].astype(np.float32), "data.y": LABELS}
    with pytest.raises(gn.ShapeError, match=r"data\.x was compiled for float32 of shape \(12, 4\)"):
        step.run(rows, rates, 0, words, tables)
