"""Opening data files, gzipped or not, with bounded memory and errors that name the file."""

from __future__ import annotations

import errno
import io
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from glassnet.engine.errors import DataError

# Deflate, the method of gzip, cannot shrink data to less than one part in 1,032.
_LARGEST_INFLATION = 1032
_CHUNK = 2**20


@dataclass(frozen=True)
class DataFile:
    """An open file: where it came from, its inflated bytes, and how many of those there can be at most."""

    path: Path
    stream: io.BufferedIOBase
    gzipped: bool
    largest: int

    def chunks(self, size: int) -> Iterator[bytes]:
        """The next ``size`` bytes, or as many as there are, a megabyte at a time."""
        while size > 0 and (chunk := self.stream.read(min(size, _CHUNK))):
            size -= len(chunk)
            yield chunk


def read_whole(path: str | os.PathLike[str], limit: int | None = None) -> bytes:
    """All bytes of a file. Raises OSError for a file that is missing, unreadable, no file but a pipe, a device or a
    folder, or that is longer than ``limit``.
    """
    with open_file(Path(path)) as file:
        size = os.fstat(file.fileno()).st_size
        if limit is not None and size > limit:
            raise OSError(errno.EFBIG, f"it has {size:,} bytes, and at most {limit:,} are read", str(path))
        return file.read()


def open_file(path: Path) -> io.BufferedReader:
    """An open file; raises OSError for what is none, before a pipe could be waited for."""
    try:
        if path.exists() and not path.is_file():
            raise OSError(errno.EINVAL, "it is not a file", str(path))
        return path.open("rb")
    except ValueError as error:  # a name with a null character in it
        raise OSError(errno.EINVAL, str(error), str(path)) from error


@contextmanager
def open_data(path: str | os.PathLike[str]) -> Iterator[DataFile]:
    """Open a file for reading; one that begins as gzip does is inflated as it is read.

    Raises DataError, also from within the ``with`` block, when the file is missing, unreadable or damaged.
    """
    import gzip  # here and not above, because it is not needed to import glassnet

    path = Path(path)
    try:
        with open_file(path) as raw:
            size = os.fstat(raw.fileno()).st_size
            if raw.peek(2)[:2] == b"\x1f\x8b":
                with gzip.GzipFile(fileobj=raw, mode="rb") as inflated:
                    yield DataFile(path, inflated, True, size * _LARGEST_INFLATION)
            else:
                yield DataFile(path, raw, False, size)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(f"{path} is a damaged gzip file ({error}). Fetch or write it again.") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}.") from None
