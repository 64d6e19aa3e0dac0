"""A small version of ``benchmarks/doctor``: each fault once, which must be the first finding, and healthy runs, which
must have none. The benchmark itself says how often that holds; here it fails when a rule gets worse.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks" / "doctor"
MODULES = (
    *("rivals", "workloads", "trial", "fault", "faults_of_data", "faults_of_training"),
    *("faults", "healthy", "report", "run"),
)


@pytest.fixture(scope="module", name="bench")
def _bench() -> SimpleNamespace:
    """The modules of the benchmark, which are a program and no package, under their own names only here."""
    hidden = {name: sys.modules.pop(name) for name in MODULES if name in sys.modules}
    sys.path.insert(0, str(FOLDER))
    found: dict[str, ModuleType] = {name: importlib.import_module(name) for name in MODULES}
    sys.path.remove(str(FOLDER))
    for name in MODULES:
        del sys.modules[name]
    sys.modules.update(hidden)
    return SimpleNamespace(**found)


def ill(bench: SimpleNamespace, name: str, workload: str) -> tuple[list[str], tuple[str, ...]]:
    """What is said first of a severe form of the fault, and the codes that name it."""
    fault = next(one for one in bench.faults.FAULTS if one.name == name)
    outcome = bench.trial.train(fault.make(bench.workloads.setting(workload, "development", 0), True), watched=False)
    return outcome.codes, (fault.code, *fault.also)


#: Each fault with the workload on which it is fastest to see.
FAULTS = {
    "holes": "table",
    "far_from_zero": "blobs",
    "units_apart": "table",
    "large_targets": "table",
    "sorted_rows": "blobs",
    "rare_class": "blobs",
    "mixed_up_labels": "blobs",
    "contradictions": "blobs",
    "same_rows": "blobs",
    "answer_inside": "blobs",
    "other_rows": "blobs",
    "rate_of_zero": "digits",
    "no_step": "blobs",
    "not_held": "blobs",
    "detached": "digits",
    "no_zero_grad": "blobs",
    "eval_mode": "digits",
    "train_mode": "blobs",
    "no_activation": "blobs",
    "weights_too_large": "table",
    "weights_too_small": "blobs",
    "all_alike": "table",
    "sure_and_wrong": "digits",
    "logarithm_of_negatives": "table",
    "outliers": "digits",
    "deep_sigmoids": "blobs",
    "slow": "blobs",
    "fast": "table",
    "swinging": "digits",
    "soon_over": "blobs",
    "sign_of_loss": "digits",
    "sign_in_loop": "blobs",
    "decayed": "blobs",
    "dropped": "blobs",
    "cut_short": "table",
    "too_narrow": "blobs",
    "flat_ends": "digits",
    "never_on": "blobs",
    "slow_statistics": "digits",
    "tiny_batches": "blobs",
    "softmax_twice": "blobs",
    "labels_as_numbers": "digits",
    "out_of_reach": "table",
    "logits_as_logarithms": "blobs",
}


@pytest.mark.parametrize(("name", "workload"), FAULTS.items())
def test_a_fault_is_the_first_finding(bench: SimpleNamespace, name: str, workload: str) -> None:
    codes, wanted = ill(bench, name, workload)
    assert codes, "nothing was found"
    assert codes[0] in wanted


def test_every_fault_has_a_test(bench: SimpleNamespace) -> None:
    left_out = {"wrong_labels", "by_heart"}  # which hurt little here, and are found only where they do
    assert {one.name for one in bench.faults.FAULTS} == {*FAULTS} | left_out


HEALTHY = (
    *("as it is", "tanh", "BatchNorm", "wide", "one cycle", "one_spike", "converged", "trained_tanh", "sparse"),
    *("hidden_by_norm", "zero_last_layer", "zero_biases", "class_weights", "warm_up", "warm_up_from_zero"),
    *("small_batches", "planned_end", "accumulated", "frozen_norm", "monte_carlo", "unused_head", "soft_labels"),
    *("counts_and_flags", "moderate_targets", "in_order_of_time", "easy_imbalance", "hard_examples"),
    *("few_to_validate", "near_convergence", "split_by_time", "strong_feature", "repeating_rows"),
)


@pytest.mark.parametrize("name", HEALTHY)
def test_a_healthy_run_has_no_finding(bench: SimpleNamespace, name: str) -> None:
    healthy = next(one for one in bench.healthy.HEALTHY if one.name == name)
    plain = bench.workloads.setting(healthy.workloads[-1], "development", 0)
    assert bench.trial.train(healthy.make(plain), watched=False).codes == []


def test_intervals_and_figures(bench: SimpleNamespace) -> None:
    low, high = bench.report.wilson(8, 10)
    assert (round(low, 3), round(high, 3)) == (0.490, 0.943)  # Wilson (1927), by hand
    case = bench.run.Case("development", "slow", "blobs", 0, True)
    result = bench.run.judge(case)
    assert result.counts
    assert result.cured
    figures = bench.report.figures([result])
    assert figures["top-1"] == figures["detection"] == figures["fixes"] == [True]
    assert bench.report.figures([result], bench.rivals.AUTOTRAINER)["detection"] == [False]


def test_rivals_say_what_their_rules_say(bench: SimpleNamespace) -> None:
    deep = next(one for one in bench.faults.FAULTS if one.name == "deep_sigmoids")
    said = bench.trial.train(deep.make(bench.workloads.setting("blobs", "development", 0), True)).rivals
    assert "vanishing-gradients" in said[bench.rivals.AUTOTRAINER]
    seen = bench.rivals.Seen(1.0, dead=[0.6], flat=[0.0], means=[1e-8], norms=[1.0, 1.0], zeros=[0.0], ratios=[20.0])
    record = bench.rivals.Recorder()
    record.seen, record.counts = [seen], [100, 5]
    wanted = ["class-imbalance", "dead-units", "vanishing-gradients", "learning-rate-too-high"]
    assert bench.rivals.sagemaker(record) == wanted
