"""Reasons by which the doctor tells causes apart: what it looks for in rows, losses and weights, and when."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet import nn, optim
from glassnet.doctor.evidence import Evidence
from glassnet.doctor.facts import Data
from glassnet.doctor.file import read_evidence
from glassnet.doctor.listener import Listener
from glassnet.doctor.of_run import of_run
from glassnet.doctor.probes.data import look_at_data, ordered, outliers
from glassnet.doctor.probes.loss_graph import loss_of_graph
from glassnet.doctor.probes.reference import reference
from glassnet.doctor.probes.step import pulls_of
from glassnet.doctor.progress import Progress
from glassnet.doctor.rule import RULES
from glassnet.nn import functional

from .sick import classes, net, quantities, train

X, Y = classes()


# Rows


def test_numbers_of_classes_fit_the_rows_in_any_order_and_quantities_in_their_own():
    x, y = classes(count=6, apart=3.0)
    assert ordered(x, y) > 0.1
    rng = np.random.default_rng(0)
    x = rng.standard_normal((600, 4))
    assert ordered(x, np.clip(np.rint(2 * x[:, 0] + 3), 0, 6)) <= 0.05
    assert ordered(x, rng.integers(0, 6, 600)) is None  # the rows say nothing about the numbers


def test_class_numbers_under_a_loss_of_ones_own():
    def loss(out: Any, targets: Any) -> Any:
        return ((out[:, 0] - targets.data.astype(np.float32)) ** 2).mean()

    x, y = classes(count=6, apart=3.0)
    found = train(net(10, [16], 1), (x, y), loss=loss)
    assert found[0].code == "wrong-loss"


def test_rows_far_from_all_others_are_known_and_rare_features_are_not():
    x = np.random.default_rng(0).standard_normal((500, 6)).astype(np.float32)
    y = x[:, :1].copy()
    assert outliers(x, y).tolist() == []
    x[17] *= 40
    y[23] = 900
    assert set(outliers(x, y)) == {17, 23}
    pixels = np.zeros((2000, 20), np.float32)
    pixels[:, :10] = np.random.default_rng(1).random((2000, 10))
    pixels[3, 15] = pixels[8, 19] = 1.0
    assert outliers(pixels, np.zeros(2000, int)).tolist() == []


def shifted(train: Data) -> list[str]:
    return [one.evidence["figure"] for one in RULES["split-shift"](Evidence(data=train))]


def test_a_class_that_only_one_split_has_and_ranges_that_do_not_meet():
    few = (X[Y != 2][:100], Y[Y != 2][:100])
    assert "class 2 in validation" in shifted(look_at_data(X, Y, few, loss="cross_entropy"))[0]
    assert shifted(look_at_data(X, Y, (X[:100], Y[:100]), loss="cross_entropy")) == []
    x, y = quantities(width=12)
    by_one = np.argsort(x[:, 3])
    parts = (x[by_one[:480]], y[by_one[:480]], (x[by_one[480:]], y[by_one[480:]]))
    assert shifted(look_at_data(*parts, loss="mse"))
    assert shifted(look_at_data(x[:480], y[:480], (x[480:], y[480:]), loss="mse")) == []


def test_a_smooth_fit_sees_what_neither_a_line_nor_neighbours_do():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((800, 6))
    y = np.sin(1.5 * x[:, :1]) + x[:, 1:2] * x[:, 2:3] + x[:, 3:4]
    found = reference(x, y, "mse")
    assert (found.name, found.gain > 0.75) == ("a smooth fit", True)


def test_forty_percent_of_wrong_labels_are_noise_and_overlapping_classes_are_none():
    rng = np.random.default_rng(0)
    x, y = classes(rows=1500, apart=3.0)
    noisy = np.where(rng.random(len(y)) < 0.4, (y + rng.integers(1, 4, len(y))) % 4, y)
    assert "label-noise" in train(net(10, [16], 4), (x, noisy)).codes()
    x, y = classes(rows=1500, apart=0.7)
    assert "label-noise" not in train(net(10, [16], 4), (x, y)).codes()


def test_labels_that_only_the_network_and_fits_can_judge_and_rows_of_several_quantities():
    rng = np.random.default_rng(0)
    x, y = classes(rows=2500, width=24, count=10, apart=5.0)
    wrong = np.where(rng.random(len(y)) < 0.22, rng.integers(0, 10, len(y)), y)
    assert "label-noise" in train(net(24, [32], 10), (x, wrong)).codes()
    assert "label-noise" not in train(net(24, [32], 10), (x, y)).codes()
    x = rng.standard_normal((800, 4)).astype(np.float32)
    place = np.stack([np.sin(x[:, 0]) + x[:, 1], x[:, 2] - x[:, 3]], 1).astype(np.float32)
    assert reference(x, place, "mse").gain > 0.7
    found = train(net(4, [16], 2), (x, place[rng.permutation(len(x))]))
    assert found[0].code == "labels-unrelated"


def test_of_the_next_character_the_rare_ones_are_not_meant_to_be_guessed():
    rng = np.random.default_rng(0)
    text = rng.choice(8, 3000, p=[0.5, 0.3, 0.15, 0.01, 0.01, 0.01, 0.01, 0.01])
    contexts, following = np.stack([text[i : i + 3] for i in range(2990)]), text[3:2993]
    assert look_at_data(contexts, following, loss="cross_entropy").symbols
    assert not look_at_data(contexts, following % 2, loss="cross_entropy").symbols
    assert not look_at_data(contexts.astype(np.float32), following, loss="cross_entropy").symbols


def test_a_rare_class_proves_nothing_about_labels():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((800, 6)).astype(np.float32)
    y = (rng.random(800) < 0.015).astype(np.int64)
    assert "labels-unrelated" not in train(net(6, [16], 2), (x, y)).codes()


# Losses


@pytest.mark.parametrize(
    ("kind", "loss"),
    [
        ("cross_entropy", lambda out: functional.cross_entropy(out, LABELS)),
        ("cross_entropy", lambda out: functional.cross_entropy(out, LABELS, label_smoothing=0.1)),
        ("cross_entropy", lambda out: functional.cross_entropy(out, SHARES)),
        ("cross_entropy", lambda out: functional.nll_loss(functional.log_softmax(out), LABELS)),
        ("nll", lambda out: functional.nll_loss(out, LABELS)),
        ("bce", lambda out: functional.binary_cross_entropy_with_logits(out, SHARES)),
        ("mse", lambda out: functional.mse_loss(out, SHARES)),
        ("mse", lambda out: ((out - SHARES) ** 2).sum()),
        ("l1", lambda out: functional.l1_loss(out, SHARES)),
        ("huber", lambda out: functional.huber_loss(out, SHARES) / 4),
        ("", lambda out: (out**2).mean()),
        ("", lambda out: ((out - SHARES) ** 4).mean()),
    ],
)
def test_a_loss_is_known_by_its_graph(kind, loss):
    out = net(4, [5], 3)(np.random.default_rng(0).standard_normal((6, 4)).astype(np.float32))
    found = loss_of_graph(loss(out), out)
    assert found.kind == kind
    if kind:
        wanted = LABELS if found.targets.ndim == 1 else SHARES
        assert found.targets.shape == wanted.shape
        assert np.isfinite(found.function(out, found.targets).item())


LABELS = np.array([0, 1, 2, 0, 1, 2])
SHARES = np.full((6, 3), 1 / 3, np.float32)


def test_progress_is_without_the_penalty():
    losses: list[float] = []

    class Peek(gn.Callback):
        def on_fit_end(self, loop: Any) -> None:
            losses.extend(loop.losses.means())

    network = net(10, [16], 4)
    options = {"penalty": nn.L2Penalty(0.05), "batch_size": 600, "validation": None, "epochs": 6}
    train(network, (X, Y), callbacks=[Peek()], **options)
    plain: list[float] = []
    gn.manual_seed(0)
    train(
        net(10, [16], 4),
        (X, Y),
        callbacks=[type("P", (Peek,), {"on_fit_end": lambda s, loop: plain.extend(loop.history["loss"])})()],
        **options,
    )
    np.testing.assert_allclose(losses, plain, rtol=1e-5)


def test_a_penalty_under_adamw_is_weighed_against_the_gradient_of_the_loss():
    before, after = {"w": np.ones(4)}, {"w": np.ones(4) - 0.01}
    pulled = pulls_of({"w": np.full(4, 3.0)}, {"w": 0.01}, before, after, {"w": np.full(4, 5.0)}, decoupled=0.01)
    assert pulled == pytest.approx((6.0, 4.0))


def test_what_large_first_steps_do_for_a_moment_is_no_jump():
    calm = [2.0] * 4 + [1.0] * 96
    spiked = [2.0, 2.0, 40.0, 9.0] + [1.0] * 96
    late = [2.0] * 4 + [1.0] * 30 + [3.0] * 20 + [1.0] * 46
    made = [Progress(1, losses, [0.0] * 100, losses, 100, 100) for losses in (calm, spiked, late)]
    assert [one.jumped for one in made] == [False, False, True]
    assert [one.soared for one in made] == [False, True, False]


def test_a_run_without_a_step_has_no_progress_to_judge():
    nothing = Progress(steps=10, total_steps=20, per_epoch=5, history={"loss": [1.0], "val_loss": [1.0]})
    assert not any((nothing.jumped, nothing.soared, nothing.rising, nothing.falling))
    assert gn.doctor.Doctor().diagnose(Evidence(progress=nothing)) == []


def test_channels_of_a_convolution_that_are_alike_are_symmetric():
    network = nn.Sequential(nn.Conv1d(1, 6, 3), nn.ReLU(), nn.Flatten(), nn.Linear(48, 4))
    x, y = X[:, :, None], Y
    assert "symmetric-initialization" not in train(network, (x, y), epochs=1).codes()
    network[0].weight.data = np.full_like(network[0].weight.data, 0.2)
    network[3].weight.data = np.full_like(network[3].weight.data, 0.2)
    assert "symmetric-initialization" in train(network, (x, y), epochs=1).codes()


# When something is said


class Interrupt(gn.Callback):
    """Ctrl-C after the second epoch."""

    def on_epoch_end(self, loop: Any) -> None:
        if loop.step >= 2 * loop.steps_per_epoch:
            raise KeyboardInterrupt


def test_of_an_interrupted_run_what_is_certain_is_said_and_kept(tmp_path):
    network = nn.Sequential(*net(10, [16], 4), nn.Softmax())
    found = train(network, (X, Y), epochs=50, callbacks=[Interrupt()], folder=tmp_path / "run")
    assert found.codes() == ["probabilities-as-logits"]
    assert of_run(tmp_path / "run").codes() == ["probabilities-as-logits"]
    assert not read_evidence(tmp_path / "run").has("progress")
    assert train(net(10, [16], 4), (X, Y), lr=1e-7, epochs=50, callbacks=[Interrupt()]) == []


class Deaf(nn.Module):
    """Its output hardly depends on its input."""

    def __init__(self) -> None:
        gn.manual_seed(0)
        self.inner = net(10, [16], 4, nn.Tanh)

    def forward(self, x: Any) -> Any:
        return self.inner(x * 0.0)


def test_a_run_that_is_stuck_without_a_reason_is_tested_on_a_few_rows(tmp_path):
    found = train(Deaf(), (X, Y), epochs=40, folder=tmp_path / "run")
    assert found[0].code == "underfitting"
    assert "by heart" in found[0].message
    assert read_evidence(tmp_path / "run").overfit.rows == 16
    train(net(10, [16], 4), (X, Y), epochs=40, folder=tmp_path / "sound")
    assert not read_evidence(tmp_path / "sound").has("overfit")


def test_the_test_of_a_few_rows_leaves_the_network_as_it_was():
    plain, watched = Deaf(), Deaf()
    train(plain, (X, Y), epochs=40, doctor=False, keep_best=False)
    train(watched, (X, Y), epochs=40, keep_best=False)
    for name, array in plain.state_dict().items():
        np.testing.assert_array_equal(array, watched.state_dict()[name])


def test_the_rest_of_an_accumulation_may_be_thrown_away_and_a_step_may_not_be_forgotten():
    def loop(steps_at: Any, passes: int = 60) -> list[str]:
        network = net(10, [16], 4)
        optimizer = optim.SGD(network.parameters(), lr=0.05)
        with gn.doctor.watch(network, optimizer, speak=False) as watched:
            for i in range(passes):
                if i % 5 in (0, 4):  # four batches for a step, and one that is left over
                    optimizer.zero_grad()
                rows = slice(32 * (i % 18), 32 * (i % 18) + 32)
                functional.cross_entropy(network(X[rows]), Y[rows]).backward()
                if steps_at(i):
                    optimizer.step()
        return watched.findings.codes()

    assert "parameters-not-updated" not in loop(lambda i: i % 5 == 3)
    assert "parameters-not-updated" in loop(lambda i: i % 5 == 3 and i < 10)
    assert "parameters-not-updated" in loop(lambda i: False, passes=6)


def test_listeners_are_silent_about_an_end_that_is_none_of_theirs():
    listener = Listener(gn.doctor.Doctor())
    stopped = type("Loop", (), {"step": 3, "total_steps": 9, "failure": None, "stopped": None})()
    listener.on_fit_end(stopped)
    assert listener.findings == []
