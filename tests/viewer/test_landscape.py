"""The panel of the landscape, without a browser: its numbers are those of the engine, and their amount is bounded."""

import time

import numpy as np
import pytest

import glassnet as gn
from glassnet import nn
from glassnet.data.batches import batches
from glassnet.engine import random
from glassnet.engine.errors import ConfigError
from glassnet.recipe.parts import loss_for, network, optimizer_for
from glassnet.recipe.recipe import Recipe
from glassnet.train.landscape import plane_around
from glassnet.viewer.in_memory import FinishedRun
from glassnet.viewer.panels import landscape
from glassnet.viewer.query import Query
from glassnet.viewer.saved import SavedRun

from .commands import train_points
from .pages import fit, training


def ask(run, **query):
    return landscape.data(run, Query({name: str(value) for name, value in query.items()}))


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    return train_points(tmp_path_factory.mktemp("runs") / "points")


@pytest.fixture
def run(trained):
    return SavedRun(trained.folder)


def loss_of(run, weights):
    """The loss with these weights, of the rows that the panel takes, by ``evaluate``."""
    net, train = run.network(), run.dataset().train
    net.load_state_dict({**net.state_dict(), **weights})
    x, y = batches(train, min(512, len(train)), seed=0)[0]
    return gn.evaluate(net, (x, y), loss=nn.CrossEntropyLoss())["loss"]


def test_the_overview_says_what_there_is(run, trained):
    found = ask(run)
    assert found["moments"][:3] == ["start", "epoch 1", "epoch 2"]
    assert found["rows"] == len(run.dataset().train)
    assert found["parameters"] == sum(p.data.size for p in trained.net.parameters())
    assert found["planes"] == ["path", "around"]


def test_the_line_ends_where_the_training_began_and_ended(run, trained):
    found = ask(run, part="line")
    at = {round(share, 6): i for i, share in enumerate(found["x"])}
    training = found["lines"]["training"]
    assert training[at[0]] == pytest.approx(loss_of(run, run.snapshots()[0]), rel=1e-5)
    assert training[at[1]] == pytest.approx(loss_of(run, trained.net.state_dict()), rel=1e-5)
    assert set(found["lines"]) == {"training", "validation"}
    other = ask(run, part="line", **{"from": 1, "to": 0})
    assert (other["from"], other["to"]) == ("epoch 1", "start")
    assert other["lines"]["training"][at[1]] == pytest.approx(training[at[0]], rel=1e-5)


def test_a_plane_gets_finer_and_keeps_what_is_known(run, monkeypatch):
    coarse = ask(run, part="plane", kind="path", level=0)
    calls = []
    known = landscape.Surface.__call__
    monkeypatch.setattr(landscape.Surface, "__call__", lambda *given: calls.append(1) or known(*given))
    fine = ask(run, part="plane", kind="path", level=1)
    assert len(calls) == 17 * 17 - 9 * 9
    assert np.array_equal(np.array(fine["z"])[::2, ::2], coarse["z"])
    assert fine["x"][::2] == coarse["x"]
    ask(run, part="plane", kind="path", level=1)
    assert len(calls) == 17 * 17 - 9 * 9


def test_the_way_of_the_training_lies_in_the_plane(run):
    found = ask(run, part="plane", kind="path", level=0)
    kept = run.snapshots()
    assert [one["name"] for one in found["way"]][:2] == ["start", "epoch 1"]
    for one, weights in zip(found["way"], kept.values(), strict=False):
        assert one["loss"] == pytest.approx(loss_of(run, weights), rel=1e-5)
        assert found["x"][0] < one["x"] < found["x"][-1]
        assert found["y"][0] < one["y"] < found["y"][-1]
    assert 0.5 < sum(found["shares"]) <= 1


def test_each_point_of_the_plane_is_the_loss_there(run):
    found = ask(run, part="plane", kind="around", level=0)
    plane = plane_around(run.network())
    for i, j in ((1, 7), (6, 2)):
        there = plane.at(found["x"][i], found["y"][j])
        assert found["z"][j][i] == pytest.approx(loss_of(run, there), rel=1e-5)
    assert found["z"][7][1] != pytest.approx(found["z"][1][7], rel=1e-3)


def test_around_the_result_the_middle_is_the_result(run, trained):
    found = ask(run, part="plane", kind="around", level=0)
    (result,) = found["way"]
    assert (result["x"], result["y"]) == (pytest.approx(0, abs=1e-6), pytest.approx(0, abs=1e-6))
    assert found["z"][4][4] == pytest.approx(loss_of(run, trained.net.state_dict()), rel=1e-5)
    assert (found["x"][0], found["x"][-1]) == (-1, 1)


def test_what_is_computed_is_bounded(run, monkeypatch):
    monkeypatch.setattr(landscape, "WORK", 9**2 * 64 * 51)
    monkeypatch.setattr(landscape, "FEWEST_ROWS", 64)
    found = ask(run)
    assert found["parameters"] == 51
    assert (found["levels"], found["rows"]) == (1, 64)
    assert len(ask(run, part="plane", kind="around", level=2)["z"]) == 9


def test_the_sweep_is_the_one_of_lr_find_and_draws_nothing_from_the_program(run):
    gn.manual_seed(7)
    before = random.words_at(*random.moment(), 0)
    expected = random.generator().random(3)
    gn.manual_seed(7)
    found = ask(run, part="rates")
    assert np.array_equal(random.words_at(*random.moment(), 0), before)
    assert np.array_equal(random.generator().random(3), expected)
    recipe, dataset = Recipe.from_config(run.config()), run.dataset()
    net = network(recipe, dataset)
    sweep = gn.lr_find(
        net, dataset, loss=loss_for(recipe, dataset), optimizer=optimizer_for(recipe, net), steps=150, batch_size=32
    )
    assert found["losses"] == sweep.losses
    assert found["suggestion"] == sweep.suggestion
    assert found["used"] == 0.005


def test_a_network_that_is_too_large_is_not_trained_for_a_sweep(run, monkeypatch):
    monkeypatch.setattr(landscape, "SWEEP_WORK", 1000)
    with pytest.raises(ConfigError, match=r"too large to be trained here for a sweep\. Use `glassnet lr-find`"):
        ask(run, part="rates")


def test_a_run_of_a_program_has_no_sweep():
    with training() as live:
        assert ask(live)["rates"] is False
        assert {"part": "rates"} not in landscape.queries(live)
        with pytest.raises(ConfigError, match=r"in a program, use glassnet\.lr_find"):
            ask(live, part="rates")


def test_a_picture_of_a_running_training_is_one_of_a_single_moment():
    with training() as live:
        coarse = ask(live, part="plane", kind="around", level=0)
        step = live.position().step
        while live.position().step == step:
            time.sleep(0.001)
        fine = ask(live, part="plane", kind="around", level=1)
        assert np.array_equal(np.array(fine["z"])[::2, ::2], coarse["z"])
        for _ in range(200):  # a picture that is asked for again is one of a later moment
            if not np.array_equal(ask(live, part="plane", kind="around", level=0)["z"], coarse["z"]):
                break
            time.sleep(0.05)
        else:
            raise AssertionError("the picture stayed that of the first moment")
        (way,) = coarse["way"]
        assert way["name"] == "now" or way["name"].startswith("epoch ")  # where it was asked for as an epoch ended


def test_without_its_data_a_run_has_no_landscape(tmp_path):
    fit(tmp_path / "run", keep_rows=0)
    with pytest.raises(ConfigError, match="needs rows of the data"):
        ask(SavedRun(tmp_path / "run"))


def test_a_run_in_memory_has_its_data():
    found = ask(FinishedRun(fit(None)))
    assert (found["rows"], found["moments"][:2]) == (72, ["start", "epoch 1"])


@pytest.mark.parametrize(
    "query",
    [{"part": "cube"}, {"part": "plane", "level": 3}, {"part": "plane", "kind": "<b>"}, {"part": "line", "to": 99}],
)
def test_other_questions_are_refused(run, query):
    with pytest.raises(ConfigError):
        ask(run, **query)


def test_a_report_holds_each_picture_at_its_finest(run):
    assert landscape.queries(run) == [
        {},
        {"part": "line"},
        {"part": "plane", "kind": "path", "level": "2"},
        {"part": "plane", "kind": "around", "level": "2"},
        {"part": "rates"},
    ]
