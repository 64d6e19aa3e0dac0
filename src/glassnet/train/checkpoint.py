"""Checkpoints: one safetensors file with all that a training needs to go on exactly where it was.

A checkpoint holds the weights and buffers, their averages if there are any, the best ones so far, the state of the
optimizer, the position and the history. The one before it is kept beside it: whatever happens to the latest, there is
a state to go on from, and it leads to the same bits. Every byte of the file is under its seal (see ``storage``).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from glassnet.data.files import open_file
from glassnet.engine.errors import CheckpointError
from glassnet.engine.namespace import Array
from glassnet.train.evaluate import Means
from glassnet.train.position import Position, number, whole
from glassnet.train.storage import LONGEST, SEAL, UNSEALED, check_seal, parse_json, read_file, seal, write_atomically

if TYPE_CHECKING:
    from glassnet.train.best import BestWeights
    from glassnet.train.loop import Loop

FORMAT = 2
LATEST, PREVIOUS, SNAPSHOTS = "checkpoint.safetensors", "previous.safetensors", "snapshots.safetensors"


def latest_checkpoint(folder: Path) -> Path:
    """The checkpoint to go on from: the previous one where there is no other, as after a kill between two renames."""
    latest, previous = folder / LATEST, folder / PREVIOUS
    return previous if previous.exists() and not latest.exists() else latest


def write_arrays(path: Path, arrays: Mapping[str, Array], notes: Mapping[str, Any], keep: Path | None = None) -> None:
    """Write arrays and a value for ``json.dumps`` as one sealed safetensors file, see ``write_atomically``."""
    from safetensors.numpy import save

    metadata = {"glassnet": json.dumps({"format": FORMAT, **notes}), SEAL: UNSEALED}
    write_atomically(path, seal(save(dict(arrays), metadata)), keep)


def read_arrays(path: Path, limit: int | None = None) -> tuple[dict[str, Array], dict[str, Any]]:
    """The arrays and notes of a file. Raises CheckpointError for a missing, damaged or foreign file, or one of more
    than ``limit`` bytes, which names the file and what to do.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    content = read_file(path, limit)
    try:
        check_seal(content, str(path))
        header = content[8 : 8 + int.from_bytes(content[:8], "little")]
        metadata = parse_json(header, str(path))["__metadata__"]
        notes = parse_json(str(metadata["glassnet"]), str(path))
        arrays = load(content)
    except CheckpointError as error:
        raise CheckpointError(f"{error} {_way_out(path)}") from error
    except (SafetensorError, TypeError, KeyError, ValueError, OverflowError) as error:
        raise CheckpointError(f"{path} is not a checkpoint of glassnet: {error}. {_way_out(path)}") from error
    if notes.get("format") != FORMAT:
        raise CheckpointError(f"{path} has another format than {FORMAT}, which this version reads.")
    return arrays, notes


def read_position(path: Path) -> Position:
    """The position in a checkpoint, to show it: only the head of the file is read, which is not checked by its seal.

    Raises CheckpointError as ``read_arrays`` does.
    """
    try:
        with open_file(path) as file:
            length = int.from_bytes(file.read(8), "little")
            if length > LONGEST:
                raise ValueError(f"its head would have {length:,} bytes, and at most {LONGEST:,} are read")
            head = parse_json(file.read(length), str(path))["__metadata__"]
        return read_notes(parse_json(str(head["glassnet"]), str(path)), path)[0]
    except FileNotFoundError as error:
        raise CheckpointError(f"{path} does not exist. Is {path.parent} the folder of a run?") from error
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}.") from error
    except (TypeError, KeyError, ValueError) as error:
        raise CheckpointError(f"{path} is not a checkpoint of glassnet: {error}. {_way_out(path)}") from error


def _way_out(path: Path) -> str:
    if path.name == SNAPSHOTS:
        return "Remove the file to go on without the snapshots of earlier epochs; the weights are not affected."
    if path.name == LATEST and path.with_name(PREVIOUS).exists():
        return f"Remove it to go on from the checkpoint before it, {PREVIOUS}, which leads to the same weights."
    return "Restore it from a copy, or train again."


def save_checkpoint(folder: Path, loop: Loop, best: BestWeights | None) -> None:
    """Write weights, buffers, optimizer state, best weights, position, history and what the order of the batches
    depends on, and keep the checkpoint before.
    """
    arrays = {f"net/{name}": array for name, array in loop.net.state_dict().items()}
    arrays.update({f"optimizer/{name}": array for name, array in loop.optimizer.state_dict().items()})
    if loop.average is not None:
        arrays.update({f"average/{name}": array for name, array in loop.average.arrays().items()})
    notes: dict[str, Any] = {"position": loop.position().to_json(), "order": _order(loop), "best": None}
    if best is not None and best.epoch:
        arrays.update({f"best/{name}": array for name, array in best.arrays.items()})
        notes["best"] = {"epoch": best.epoch, "loss": best.loss}
    write_arrays(folder / LATEST, arrays, notes, keep=folder / PREVIOUS)


def load_checkpoint(folder: Path, loop: Loop, best: BestWeights | None) -> None:
    """Put a loop where the latest checkpoint was. Raises CheckpointError if that is damaged or belongs to another
    network, optimizer or order of the data.
    """
    path = latest_checkpoint(folder)
    arrays, notes = read_arrays(path)
    found, wanted = notes.get("order"), _order(loop)
    if not isinstance(found, dict):
        raise CheckpointError(f"{path} holds a finished network and not a training that could be continued.")
    if found != wanted:
        differing = [
            f"{key} {found.get(key)!r} is now {value!r}" for key, value in wanted.items() if found.get(key) != value
        ]
        raise CheckpointError(f"{path} cannot be continued with other data or another order: {', '.join(differing)}.")
    position, best_epoch, best_loss = read_notes(notes, path)
    averages = part(arrays, "average/")
    if bool(averages) != (loop.average is not None):
        had = "with" if averages else "without"
        raise CheckpointError(f"{path} cannot be continued: it was trained {had} an average of the weights.")
    if loop.average is not None:
        loop.net.load_state_dict(averages)
        loop.average.begin()
    loop.net.load_state_dict(part(arrays, "net/"))
    loop.optimizer.load_state_dict(part(arrays, "optimizer/"))
    loop.step, loop.history, loop.seconds = position.step, position.history, position.seconds
    loop.means = Means(position.sums, position.rows)
    if best is not None and best_epoch:
        best.epoch, best.loss, best.arrays = best_epoch, best_loss, part(arrays, "best/")
    if loop.schedule is not None and loop.schedule.monitor is None:
        loop.schedule.move_to(loop.step)
    loop.follow_plateau()


def read_notes(notes: Mapping[str, Any], path: Path) -> tuple[Position, int, float]:
    """The position; the epoch of the best weights, 0 if there are none; and their validation loss."""
    try:
        best = notes["best"] or {"epoch": 0, "loss": 0.0}
        return Position.from_json(notes["position"]), whole(best["epoch"]), number(best["loss"])
    except (TypeError, KeyError, ValueError) as error:
        raise CheckpointError(f"{path} is not a checkpoint of glassnet: {error}. {_way_out(path)}") from error


def part(arrays: Mapping[str, Array], prefix: str) -> dict[str, Array]:
    """The arrays whose names begin with the prefix, without it."""
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}


def _order(loop: Loop) -> dict[str, Any]:
    """What the order of the batches is a function of."""
    return {
        "seed": loop.seed,
        "batch_size": loop.batch_size,
        "rows": len(loop.train),
        "shuffle": loop.shuffle,
        "drop_last": loop.drop_last,
    }
