"""``glassnet tune``: which options suit?"""

from __future__ import annotations

import inspect
import json
import math
import shlex
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from glassnet.cli import options
from glassnet.cli.jobs import in_processes
from glassnet.cli.search import SEARCHED, Search, alone, begun, make_trials, open_study, prepare
from glassnet.cli.train import train
from glassnet.engine.errors import ConfigError
from glassnet.engine.options import integer_option, number_option
from glassnet.recipe.allowed import written
from glassnet.recipe.recipe import Recipe, read_toml
from glassnet.train.progress import TerminalBar
from glassnet.train.storage import write_atomically

if TYPE_CHECKING:
    import optuna

    from glassnet.train.loop import Loop

SHOWN = 5  # trials in the table
MOST_JOBS = 1000


def tune(
    data: options.Data = None,
    *,
    config: options.Config = None,
    trials: Annotated[int, options.number("--trials", "How many there should be in all.", int)] = 50,
    timeout: Annotated[float | None, options.number("--timeout", "Begin no trial after so many seconds.")] = None,
    jobs: Annotated[int, options.number("--jobs", "Processes that make trials, one core each.", int)] = 1,
    storage: Annotated[Path | None, typer.Option(help="Where trials are kept; by default runs/tune-DATA.db.")] = None,
    save: Annotated[Path | None, typer.Option(help="Write the best options into this file, such as best.toml.")] = None,
    **given: Any,
) -> None:
    """Search for good options by training again and again: learning rate, hidden layers, embedding, dropout, weight
    decay and batch size, as far as they are not given. Poor trials are stopped early. Run it again to go on.
    """
    given["hidden"] = options.widths(given["hidden"])
    stay = {} if config is None else read_toml(config)
    stay.update({name: value for name, value in given.items() if value is not None})
    name = Recipe.from_options(data, stay, None).data
    stay.pop("data", None)
    seconds = math.inf if timeout is None else number_option("--timeout", timeout, above=0)
    count, processes = integer_option("--trials", trials, 1), integer_option("--jobs", jobs, 1, MOST_JOBS)
    where = storage or Path("runs") / f"tune-{Path(name).stem}.db"
    search = Search(name, stay, where, count, time.monotonic() + seconds)
    if search.base.model == "bigram-counts":
        raise ConfigError("bigram-counts is counted and not trained: there is nothing to search. Use --model bigram.")
    if not search.searched:
        raise ConfigError(f"there is nothing to search: {', '.join(map(written, SEARCHED))} are all given.")
    dataset = search.base.load_data()
    with alone(where):
        study = open_study(search)
        prepare(study, search)
        if begun(study) >= count:
            typer.echo(f"{where} has {begun(study)} trials already. Ask for more with --trials.")
        else:
            typer.echo(dataset.summary())
        shown = _Shown(study, search)
        interrupted = False
        try:
            if processes == 1:
                make_trials(study, search, dataset, lock=nullcontext(), each=shown.update)
            else:
                in_processes(search, processes, lambda: shown.update(None))
        except KeyboardInterrupt:
            interrupted = True
        finally:
            shown.end()
        prepare(study, search)
        typer.echo(_report(study, search))
        if save is not None and _best(study):
            write_atomically(save, toml(_best(study)[0], search).encode())
            typer.echo(f"saved in {save}: glassnet train --config {shlex.quote(str(save))}")
        if interrupted:
            typer.echo("interrupted; run the same command again to go on")
            raise typer.Exit(130)


#: Options of a single training: where it is saved, and where it is shown.
_PLACES = ("folder", "view", "host", "port")


def _with_options_of_train(command: Callable[..., None]) -> None:
    """Give a command that takes ``**given`` the options of ``glassnet train``, but for where it is saved and shown."""
    own = inspect.signature(command, eval_str=True).parameters
    theirs = inspect.signature(train, eval_str=True).parameters
    chosen = [own["data"], *(theirs[name] for name in theirs if name not in (*own, *_PLACES))]
    chosen += [parameter for name, parameter in own.items() if name not in ("data", "given")]
    command.__signature__ = inspect.Signature(chosen)  # type: ignore[attr-defined]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in chosen}


_with_options_of_train(tune)


class _Shown:
    """A line for each finished trial, and a bar on a terminal."""

    def __init__(self, study: optuna.Study, search: Search) -> None:
        from rich.console import Console

        self._study, self._search = study, search
        self._known = {trial.number for trial in _finished(study)}
        console = Console(highlight=False, soft_wrap=True, markup=False)
        self._print = console.print
        self._bar = None
        if console.is_terminal and len(self._known) < search.trials:
            self._bar = TerminalBar(console, search.trials, len(self._known), "trials")

    def update(self, loop: Loop | None) -> bool:
        """Show how far the trial at hand is, or else what was finished meanwhile."""
        if loop is not None:
            if self._bar is not None:
                text = f"epoch {loop.epochs_ended}  val loss {loop.history['val_loss'][-1]:.4f}"
                self._bar.update(len(self._known), text)
            return True
        new = [trial for trial in _finished(self._study) if trial.number not in self._known]
        for trial in new:
            self._known.add(trial.number)
            self._print(f"trial {len(self._known)}/{self._search.trials}  {_outcome(trial)}  {_tried(trial)}")
        if self._bar is not None and new:
            best = _best(self._study)
            self._bar.update(len(self._known), f"best val loss {best[0].value:.4f}" if best else "")
        return True

    def end(self) -> None:
        """Take the bar away."""
        self.update(None)
        if self._bar is not None:
            self._bar.stop()


def _finished(study: optuna.Study) -> list[optuna.trial.FrozenTrial]:
    from optuna.trial import TrialState

    return study.get_trials(deepcopy=False, states=[TrialState.COMPLETE, TrialState.PRUNED])


def _best(study: optuna.Study) -> list[optuna.trial.FrozenTrial]:
    """The complete trials, the best first."""
    from optuna.trial import TrialState

    complete = study.get_trials(deepcopy=False, states=[TrialState.COMPLETE])
    return sorted(complete, key=lambda trial: (trial.value, trial.number))


def _outcome(trial: optuna.trial.FrozenTrial) -> str:
    if "reason" in trial.user_attrs:
        return f"pruned: {trial.user_attrs['reason']}"
    return f"val loss {trial.value:.4f}"


def _tried(trial: optuna.trial.FrozenTrial) -> str:
    return "  ".join(f"{name.replace('_', ' ')} {_word(value)}" for name, value in trial.user_attrs["options"].items())


def _report(study: optuna.Study, search: Search) -> str:
    """The best trials as a table, and the command that trains the best one."""
    best, finished = _best(study), _finished(study)
    if not best:
        return f"{len(finished)} trials, none of them complete"
    names = list(best[0].user_attrs["options"])
    rows = [["trial", "val loss", "epoch", *(name.replace("_", " ") for name in names)]]
    for trial in best[:SHOWN]:
        found = trial.user_attrs["options"]
        epoch = f"{trial.user_attrs['epoch']}/{trial.user_attrs['epochs']}"
        rows.append([str(trial.number), f"{trial.value:.4f}", epoch, *(_word(found[name]) for name in names)])
    columns = [max(map(len, column)) for column in zip(*rows, strict=True)]
    table = "\n".join("  ".join(cell.rjust(n) for cell, n in zip(row, columns, strict=True)) for row in rows)
    pruned = len(finished) - len(best)
    head = f"\n{len(finished)} trials, {pruned} of them pruned; kept in {search.storage}. The best:\n\n{table}\n\n"
    return f"{head}train the best: {command_line(best[0], search)}"


def _options(trial: optuna.trial.FrozenTrial, search: Search) -> dict[str, Any]:
    """What was given, and what the trial tried."""
    return {**search.given, **trial.user_attrs["options"]}


def command_line(trial: optuna.trial.FrozenTrial, search: Search) -> str:
    """The command that trains with the options of a trial."""
    words = ["glassnet", "train", search.data]
    for name, value in _options(trial, search).items():
        words += [f"--{'' if value else 'no-'}{written(name)}"] if isinstance(value, bool) else []
        words += [] if isinstance(value, bool) else [f"--{written(name)}", _word(value)]
    return shlex.join(words)


def toml(trial: optuna.trial.FrozenTrial, search: Search) -> str:
    """The same as a file of configuration."""
    lines = [f"# glassnet tune, trial {trial.number}: validation loss {trial.value:.4f}"]
    for name, value in {"data": search.data, **_options(trial, search)}.items():
        # the texts, numbers, switches and lists of JSON are those of TOML too, but for one character
        text = json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        lines.append(f"{written(name)} = {text}")
    return "\n".join(lines) + "\n"


def _word(value: Any) -> str:
    """A value as it stands on the command line."""
    return ",".join(map(str, value)) or "0" if isinstance(value, list | tuple) else str(value)
