"""The files of a run: written whole or not at all, sealed with their own SHA-256, and read as data.

A file is written under another name in the same folder, flushed to the disk and renamed: whoever reads it finds the
old one or the new one, whole. What is read back is sealed: it says its own SHA-256, taken with zeros in the place of
the digits, so that any other byte anywhere is noticed, in the weights as well as in the text around them.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from glassnet.data.files import read_whole
from glassnet.engine.errors import CheckpointError

SEAL = "sha256 of this file"
UNSEALED = "0" * 64
_PLACE = re.compile(rb'"sha256 of this file": ?"([0-9a-f]{64})"')  # JSON is written with a space or without

#: The longest file of text, in bytes. Weights have no limit: reading them takes as much memory as they are long.
LONGEST = 2**28


def write_atomically(path: Path, content: bytes, keep: Path | None = None) -> None:
    """Replace the file by the content, or leave it as it was; the old file is renamed to ``keep``, if that is given.

    When the process is killed between the two renames there is only the kept one. Raises CheckpointError if the file
    cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        try:
            with temporary.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            if keep is not None and path.exists():
                path.replace(keep)
            temporary.replace(path)
        finally:  # also after Ctrl-C
            temporary.unlink(missing_ok=True)
        _flush_names(path.parent)
    except OSError as error:
        raise CheckpointError(
            f"{path} cannot be written: {error.strerror}. What was saved before is unchanged."
        ) from error


def _flush_names(folder: Path) -> None:
    """Bring the renames to the disk, where folders can be opened: after a power failure the old names might return."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def remove_leftovers(folder: Path, names: Iterable[str]) -> None:
    """Remove what killed processes had begun to write, and the files of these names.

    Raises CheckpointError if that cannot be.
    """
    try:
        for path in [*folder.glob(".*.tmp"), *(folder / name for name in names)]:
            path.unlink(missing_ok=True)
    except OSError as error:
        raise CheckpointError(f"{error.filename} cannot be removed: {error.strerror}.") from error


def append_line(path: Path, line: bytes) -> None:
    """Add a line to a file. Raises CheckpointError if it cannot be written."""
    try:
        with path.open("ab") as file:
            file.write(line + b"\n")
    except OSError as error:
        raise CheckpointError(
            f"{path} cannot be written: {error.strerror}. What it held before is still there."
        ) from error


def seal(content: bytes) -> bytes:
    """The content with its SHA-256 in the place of the zeros of ``"sha256 of this file": "00...0"``."""
    place = _PLACE.search(content)
    if place is None:
        raise ValueError("there is no place for the seal")
    return content[: place.start(1)] + _digest(content, place) + content[place.end(1) :]


def check_seal(content: bytes, name: str) -> None:
    """Raise CheckpointError, which begins with the name, unless the content is what was sealed."""
    place = _PLACE.search(content)
    if place is None:
        raise CheckpointError(f"{name} was not written by this version of glassnet, or is damaged: it has no seal.")
    if place[1] != _digest(content, place):
        raise CheckpointError(f"{name} is damaged or was changed: its SHA-256 is not the one that it says.")


def _digest(content: bytes, place: re.Match[bytes]) -> bytes:
    """The SHA-256 of the content with zeros in the place of the seal; without a copy of what may be large."""
    import hashlib  # here and not above, because it is not needed to import glassnet

    view, start, end = memoryview(content), place.start(1), place.end(1)
    digest = hashlib.sha256(view[:start])
    digest.update(UNSEALED.encode())
    digest.update(view[end:])
    return digest.hexdigest().encode()


def sealed_json(value: Mapping[str, Any], indent: int | None = None) -> bytes:
    """The value as JSON that says its own SHA-256."""
    return seal(json.dumps({SEAL: UNSEALED, **value}, indent=indent).encode())


def parse_sealed_json(content: bytes, name: str) -> dict[str, Any]:
    """The value that ``sealed_json`` wrote. Raises CheckpointError, which begins with the name, for anything else."""
    check_seal(content, name)
    value = parse_json(content, name)
    value.pop(SEAL, None)
    return value


def parse_json(content: bytes | str, name: str) -> dict[str, Any]:
    """An object of JSON. Raises CheckpointError, which begins with the name, for anything else."""
    try:
        value = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{name} is damaged: it holds no JSON ({error}).") from error
    if not isinstance(value, dict):
        raise CheckpointError(f"{name} is damaged: it must hold an object of JSON, got {value!r:.80}.")
    return value


def read_file(path: Path, limit: int | None = None) -> bytes:
    """All bytes of a file. Raises CheckpointError if it cannot be read or is longer than ``limit``."""
    try:
        return read_whole(path, limit)
    except FileNotFoundError as error:
        raise CheckpointError(f"{path} does not exist. Is {path.parent} the folder of a run?") from error
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}.") from error
    except MemoryError as error:
        raise CheckpointError(f"{path} is larger than the memory: it has {path.stat().st_size:,} bytes.") from error
