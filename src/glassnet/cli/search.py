"""The search for good options: what is searched, where its trials are kept, and one process that makes trials.

The trials are in a SQLite file of Optuna's (Akiba et al., 2019, https://arxiv.org/abs/1907.10902), so that several
processes can work on one search, and a search can be gone on with. What trial n tries is a function of the seed, n and
the trials before it: where one process works, an interrupted search goes on as if it had not been.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from glassnet.cli.building import train_network
from glassnet.data.dataset import Dataset
from glassnet.engine.errors import CheckpointError, ConfigError, NonFiniteError
from glassnet.recipe.allowed import FOR_KIND, FOR_MODELS
from glassnet.recipe.recipe import Recipe, kind_of
from glassnet.train.callbacks import Callback
from glassnet.train.run_folder import make_folder

if TYPE_CHECKING:
    import optuna

    from glassnet.train.loop import Loop

#: What is searched where it is not given; "hidden" as depth and width of layers that are all alike, the depth of a
#: wavenet being decided by its fan-in and context.
SEARCHED = ("lr", "hidden", "embedding", "dropout", "weight_decay", "batch_size")
#: How often a trial is held against the others, each time at the same share of its steps.
COMPARISONS = 10
#: So many trials are complete before any is pruned, and so many comparisons are only noted before a trial is.
UNPRUNED, PATIENCE = 5, 2
PRUNED, INTERRUPTED = "pruned", "interrupted"  # why a training was stopped


@dataclass(frozen=True)
class Search:
    """What a process needs to know to take part in a search.

    data: what is trained on. given: the options that stay. storage: the SQLite file. trials: how many there should be
    in all. deadline: no trial begins after that time of ``time.monotonic()``.
    """

    data: str
    given: dict[str, Any]
    storage: Path
    trials: int
    deadline: float = math.inf

    @property
    def base(self) -> Recipe:
        """The recipe that the search starts from."""
        return self.recipe({})

    def recipe(self, found: Mapping[str, Any]) -> Recipe:
        """The recipe with the options that a trial tries."""
        return Recipe.from_options(self.data, {**self.given, **found}, None)

    @property
    def searched(self) -> list[str]:
        """The options that are searched: those that are not given and are for this data and model."""
        kind, model = kind_of(self.data), self.base.model
        return [
            name
            for name in SEARCHED
            if name not in self.given and kind == FOR_KIND.get(name, kind) and model in FOR_MODELS.get(name, (model,))
        ]

    def description(self) -> dict[str, Any]:
        """What must be the same for trials to be compared, as a value for JSON."""
        searched = self.searched
        fixed = {name: value for name, value in self.base.as_json().items() if name not in searched}
        return {**fixed, "searched": searched, "data_sha256": self.base.fingerprint()}


def _ranges(search: Search) -> dict[str, tuple[float, float]]:
    """From where to where each number of the search is drawn, evenly or, above 0, evenly in its logarithm."""
    base = search.base
    usual = base.learning_rate
    decoupled = base.optimizer == "adamw"  # else it adds to the gradient, and less of it does as much
    ranges: dict[str, tuple[float, float]] = {
        "lr": (usual / 10, usual * 10),
        "depth": (1, 3),
        "width": (16, 512 if kind_of(search.data) == "text" else 256),
        "embedding": (4, 48),
        "dropout": (0.0, 0.5),
        "weight_decay": (1e-3, 1.0) if decoupled else (1e-5, 1e-2),
        "batch_size": (16, 512),
    }
    chosen = search.searched
    return {
        name: ends
        for name, ends in ranges.items()
        if name in chosen
        or (name == "width" and "hidden" in chosen)
        or (name == "depth" and "hidden" in chosen and base.model != "wavenet")
    }


def _usual(search: Search) -> dict[str, float]:
    """The numbers of the base recipe, or the nearest in the ranges: what the first trial tries."""
    base = search.base
    hidden = base.hidden or (0,)
    values = {"lr": base.learning_rate, "depth": len(hidden), "width": max(hidden)}
    found = {}
    for name, (low, high) in _ranges(search).items():
        value = values[name] if name in values else getattr(base, name)
        found[name] = min(max(value, low), high)
    return found


def options_of(search: Search, number: Callable[[str, float, float], float]) -> dict[str, Any]:
    """The options of a trial, each from ``number(name, low, high)``, with as many digits as people write."""
    found: dict[str, Any] = {name: number(name, low, high) for name, (low, high) in _ranges(search).items()}
    for name, digits in (("lr", 3), ("weight_decay", 2), ("dropout", 2)):
        if name in found:
            found[name] = float(f"{found[name]:.{digits}g}")
    if "width" in found:
        found["hidden"] = [found.pop("width")] * found.pop("depth", 1)
    return found


def _draw(trial: optuna.Trial) -> Callable[[str, float, float], float]:
    def number(name: str, low: float, high: float) -> float:
        if isinstance(low, int):
            return trial.suggest_int(name, low, int(high), log=name != "depth")
        return trial.suggest_float(name, low, high, log=low > 0)

    return number


def open_study(search: Search) -> optuna.Study:
    """The search in its file, begun if there is none. Raises ConfigError if Optuna is missing or the search in the file
    is another one, and CheckpointError for a file that cannot be used.
    """
    try:
        import optuna
    except ImportError as error:
        raise ConfigError("glassnet tune needs Optuna. Install it with pip install 'glassnet[tune]'.") from error
    from sqlalchemy import URL
    from sqlalchemy.exc import SQLAlchemyError

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    make_folder(search.storage.parent)
    url = URL.create("sqlite", database=str(search.storage.resolve())).render_as_string()
    try:
        storage = optuna.storages.RDBStorage(url, engine_kwargs={"connect_args": {"timeout": 60}})
        study = optuna.create_study(
            study_name="glassnet",
            storage=storage,
            load_if_exists=True,
            pruner=optuna.pruners.MedianPruner(UNPRUNED, n_warmup_steps=PATIENCE),
        )
        description = study.user_attrs.get("search")
        if description is None:
            study.set_user_attr("search", search.description())
            return study
    except (SQLAlchemyError, optuna.exceptions.OptunaError, RuntimeError) as error:
        reason = str(getattr(error, "orig", None) or error).splitlines()[0].rstrip(".")
        raise CheckpointError(
            f"{search.storage} cannot keep a search: {reason}. Choose another file with --storage."
        ) from error
    _check_same(description, search)
    return study


def _check_same(description: Mapping[str, Any], search: Search) -> None:
    wanted = json.loads(json.dumps(search.description()))
    different = [name for name in {**description, **wanted} if description.get(name) != wanted.get(name)]
    if different:
        parts = [f"{name} {description.get(name)!r:.60} is now {wanted.get(name)!r:.60}" for name in different]
        raise ConfigError(
            f"{search.storage} holds another search: {', '.join(parts)}. Give the same options, or another --storage."
        )


@contextmanager
def alone(storage: Path) -> Iterator[None]:
    """Nobody else works on the search meanwhile. Raises ConfigError if someone does."""
    import fcntl

    make_folder(storage.parent)
    with storage.with_name(f"{storage.name}.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ConfigError(
                f"another glassnet tune works on {storage}. Wait for it, or use --jobs there for more processes."
            ) from error
        yield


def prepare(study: optuna.Study, search: Search) -> None:
    """Give up the trials of processes that are no more, and let the first trial be what is usual."""
    from optuna.trial import TrialState

    for trial in study.get_trials(deepcopy=False, states=[TrialState.RUNNING]):
        study.tell(trial.number, state=TrialState.FAIL)
    if all(trial.state == TrialState.FAIL for trial in study.get_trials(deepcopy=False)):
        study.enqueue_trial(_usual(search))


def begun(study: optuna.Study) -> int:
    """How many trials were begun and not given up."""
    from optuna.trial import TrialState

    states = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.RUNNING)
    return len(study.get_trials(deepcopy=False, states=states))


def make_trials(
    study: optuna.Study,
    search: Search,
    dataset: Dataset,
    *,
    lock: AbstractContextManager[Any],
    each: Callable[[Loop | None], bool],
) -> None:
    """Make trials until there are enough of them or the time is over.

    lock: held where it is decided what to try, as the number of trials must not change meanwhile.
    each: called after each epoch with the loop, and after each trial with None; where it says False, the trial is given
    up. Raises KeyboardInterrupt for a trial that was given up or interrupted.
    """
    from optuna.samplers import TPESampler

    while time.monotonic() < search.deadline:
        with lock:
            number = begun(study)
            if number >= search.trials:
                return
            seed = np.random.SeedSequence([search.base.seed, number]).generate_state(1)[0]
            study.sampler = TPESampler(seed=int(seed), constant_liar=True)
            trial = study.ask()
        _make_trial(study, trial, search, dataset, each)
        each(None)


def _make_trial(
    study: optuna.Study, trial: optuna.Trial, search: Search, dataset: Dataset, each: Callable[[Loop | None], bool]
) -> None:
    from optuna.trial import TrialState

    found = options_of(search, _draw(trial))
    trial.set_user_attr("options", found)
    comparison = _Comparison(trial, each)
    try:
        run = train_network(
            search.recipe(found), dataset, None, callbacks=[comparison], progress=False, diagnostics=None
        )
    except NonFiniteError:
        trial.set_user_attr("reason", "the loss became infinite")
        study.tell(trial, state=TrialState.PRUNED)
        return
    except BaseException:
        study.tell(trial, state=TrialState.FAIL)
        raise
    if run.stopped == INTERRUPTED:
        study.tell(trial, state=TrialState.FAIL)
        raise KeyboardInterrupt
    losses = run.history["val_loss"]
    trial.set_user_attr("epoch", int(np.argmin(losses)) + 1)
    trial.set_user_attr("epochs", run.epochs)
    if run.stopped == PRUNED:
        trial.set_user_attr("reason", f"val loss {min(losses):.4f} after epoch {run.epochs}")
        study.tell(trial, state=TrialState.PRUNED)
    else:
        study.tell(trial, min(losses))


class _Comparison(Callback):
    """Holds a trial against the others a few times, by its best validation loss so far, and stops it if it is poor."""

    def __init__(self, trial: optuna.Trial, each: Callable[[Loop | None], bool]) -> None:
        self.trial, self.each = trial, each

    def on_epoch_end(self, loop: Loop) -> None:
        """Compare, if it is time."""
        if not self.each(loop):
            loop.stop(INTERRUPTED)
            return
        before, now = (COMPARISONS * step // loop.total_steps for step in (loop.step - loop.steps_per_epoch, loop.step))
        if before < now < COMPARISONS and loop.stopped is None:
            self.trial.report(min(loop.history["val_loss"]), now)
            if self.trial.should_prune():
                loop.stop(PRUNED)
