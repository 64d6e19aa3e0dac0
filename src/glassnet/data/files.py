"""Opening data files, gzipped or not, with bounded memory and errors that name the file."""

from __future__ import annotations

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


@contextmanager
def open_data(path: str | os.PathLike[str]) -> Iterator[DataFile]:
    """Open a file for reading; one that begins as gzip does is inflated as it is read.

    Raises DataError, also from within the ``with`` block, when the file is missing, unreadable or damaged.
    """
    import gzip  # here and not above, because it is not needed to import glassnet

    path = Path(path)
    try:
        if path.exists() and not path.is_file():
            raise DataError(f"{path} is not a file. Give the path of a data file.")
        with path.open("rb") as raw:
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
