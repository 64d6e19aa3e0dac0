"""Checkpoints: one safetensors file with all that a training needs to go on exactly where it was.

A file is written under another name in the same folder, flushed to the disk and renamed: whoever reads it finds the
old one or the new one, whole. Only arrays and JSON are read; nothing in a file is executed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from glassnet.engine.errors import CheckpointError
from glassnet.engine.namespace import Array
from glassnet.train.evaluate import Means

if TYPE_CHECKING:
    from glassnet.train.loop import Loop

FORMAT = 1


def write_atomically(path: Path, content: bytes) -> None:
    """Replace the file by the content, or leave it as it was. Raises CheckpointError if it cannot be written."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise CheckpointError(f"{path} cannot be written: {error.strerror}. The old file is unchanged.") from error


def append_line(path: Path, line: str) -> None:
    """Add a line to a file. Raises CheckpointError if it cannot be written."""
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")
    except OSError as error:
        raise CheckpointError(f"{path} cannot be written: {error.strerror}. What it held is unchanged.") from error


def write_arrays(path: Path, arrays: Mapping[str, Array], notes: Mapping[str, Any]) -> None:
    """Write arrays and a value for ``json.dumps`` as one safetensors file, atomically."""
    from safetensors.numpy import save

    write_atomically(path, save(dict(arrays), {"glassnet": json.dumps(notes)}))


def read_arrays(path: Path) -> tuple[dict[str, Array], dict[str, Any]]:
    """The arrays and notes of a file. Raises CheckpointError for a missing, damaged or foreign file."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # not a dict
            notes = json.loads((file.metadata() or {})["glassnet"])
    except FileNotFoundError as error:
        raise CheckpointError(f"{path} does not exist. Is this the folder of a run?") from error
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise CheckpointError(f"{path} is not a checkpoint of glassnet, or is damaged: {error}.") from error
    if not isinstance(notes, dict) or notes.get("format") != FORMAT:
        raise CheckpointError(f"{path} has another format than {FORMAT}, which this version reads.")
    return arrays, notes


def save_checkpoint(path: Path, loop: Loop) -> None:
    """Write weights, buffers, optimizer state, position, history and what the order of the batches depends on."""
    arrays = {f"net/{name}": array for name, array in loop.net.state_dict().items()}
    arrays.update({f"optimizer/{name}": array for name, array in loop.optimizer.state_dict().items()})
    position = {
        "step": loop.step,
        "sums": loop.means.sums,
        "rows": loop.means.rows,
        "history": loop.history,
        "seconds": loop.seconds,
        "stopped": loop.stopped,
    }
    write_arrays(path, arrays, {"format": FORMAT, "position": position, "order": _order(loop)})


def load_checkpoint(path: Path, loop: Loop) -> None:
    """Put a loop where the checkpoint was. Raises CheckpointError if it belongs to another network or order of data."""
    arrays, notes = read_arrays(path)
    found, wanted = notes.get("order"), _order(loop)
    if not isinstance(found, dict) or found != wanted:
        differing = [
            f"{k} {(found or {}).get(k)!r} is now {v!r}" for k, v in wanted.items() if (found or {}).get(k) != v
        ]
        raise CheckpointError(f"{path} cannot be continued with other data or another order: {', '.join(differing)}.")
    loop.net.load_state_dict(_part(arrays, "net/"))
    loop.optimizer.load_state_dict(_part(arrays, "optimizer/"))
    position = notes["position"]
    loop.step = int(position["step"])
    loop.means = Means(position["sums"], int(position["rows"]))
    loop.history = {name: [float(value) for value in values] for name, values in position["history"].items()}
    loop.seconds = float(position["seconds"])
    if loop.schedule is not None and loop.schedule.monitor is None:
        loop.schedule.move_to(loop.step)
    loop.follow_plateau()


def _part(arrays: Mapping[str, Array], prefix: str) -> dict[str, Array]:
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
