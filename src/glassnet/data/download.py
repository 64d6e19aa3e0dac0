"""Downloading data files over HTTPS into a cache, each held against its SHA-256 before it is used."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from glassnet.data.files import open_data
from glassnet.engine.errors import DataError

TIMEOUT = 30  # seconds without an answer
_CHUNK = 2**16


@dataclass(frozen=True)
class RemoteFile:
    """A gzipped file on the web: its name, and the SHA-256 and the number of bytes of what it holds.

    The content is checked and not the file, because mirrors and distributions compress the same content differently.
    """

    name: str
    sha256: str
    bytes: int


def cache_folder() -> Path:
    """Where downloads are kept: $GLASSNET_DATA, or glassnet/ in $XDG_CACHE_HOME or ~/.cache."""
    if own := os.environ.get("GLASSNET_DATA"):
        return Path(own)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "glassnet"


def fetch(file: RemoteFile, mirrors: Sequence[str], folder: Path) -> Path:
    """The path of the file in the folder, downloaded from the first mirror that has it if it is not there yet.

    Raises DataError that names each mirror with its reason, and the ways out, if none has it.
    """
    from http.client import HTTPException

    path = folder / file.name
    if path.exists() and _problem(path, file) is None:
        return path
    reasons = []
    for mirror in mirrors:
        temporary = path.with_name(f".{file.name}.{os.getpid()}.part")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            _download(mirror + file.name, temporary, file)
            problem = _problem(temporary, file)
            if problem is None:
                temporary.replace(path)
                return path
            reasons.append(f"{mirror}: {problem}")
        except (OSError, HTTPException) as error:  # OSError is also every error of urllib
            reasons.append(f"{mirror}: {getattr(error, 'reason', None) or getattr(error, 'strerror', None) or error}")
        finally:
            temporary.unlink(missing_ok=True)
    raise DataError(
        f"{file.name} cannot be downloaded ({'; '.join(reasons)}). Connect to the internet and try again, or get the "
        "files in another way and pass the folder that holds them as root (--root on the command line)."
    )


def _download(url: str, path: Path, file: RemoteFile) -> None:
    """Write what the address holds into the file; raises OSError for anything but a file of a credible size."""
    from urllib.request import Request, urlopen

    if not url.startswith("https://"):
        raise OSError("only https:// is used")
    request = Request(url, headers={"User-Agent": "glassnet"})  # noqa: S310  # https, checked above
    with urlopen(request, timeout=TIMEOUT) as answer, path.open("wb") as target:  # noqa: S310
        if not answer.geturl().startswith("https://"):
            raise OSError("it redirects to an address that is not https://")
        announced = answer.headers.get("Content-Length")
        with _bar(file.name, int(announced) if announced and announced.isdigit() else None) as advance:
            written = 0
            while chunk := answer.read(_CHUNK):
                written += len(chunk)
                if written > file.bytes:
                    raise OSError(f"it sends more than the {file.bytes:,} bytes that the file holds inflated")
                target.write(chunk)
                advance(len(chunk))


@contextmanager
def _bar(name: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """A progress bar on a terminal; elsewhere nothing is shown."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(name, total=total)
        yield lambda count: progress.advance(task, count)


def _problem(path: Path, file: RemoteFile) -> str | None:
    """Why the file is not the published one, or None if it is."""
    import hashlib

    digest, size = hashlib.sha256(), 0
    try:
        with open_data(path) as opened:
            for chunk in opened.chunks(file.bytes + 1):
                digest.update(chunk)
                size += len(chunk)
    except DataError as error:
        return str(error)
    if size != file.bytes:
        return (
            f"it holds {'more than ' if size > file.bytes else ''}{min(size, file.bytes):,} bytes, not {file.bytes:,}"
        )
    return None if digest.hexdigest() == file.sha256 else f"its SHA-256 is {digest.hexdigest()}, not {file.sha256}"
