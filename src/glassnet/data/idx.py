"""Reader of IDX files, the format of MNIST and its relatives."""

from __future__ import annotations

import math
import os
import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glassnet.data.files import DataFile, open_data
from glassnet.engine.errors import DataError
from glassnet.engine.options import integer_option

_DTYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_MAX_DIMENSIONS = 8


def read_idx(path: str | os.PathLike[str], *, max_bytes: int = 2**30) -> NDArray[Any]:
    """Read an IDX file, gzipped or not, as an array of the shape and dtype that its header announces.

    The format: two zero bytes, a code for the dtype (uint8, int8, int16, int32, float32 or float64), the
    number of dimensions, each dimension as an unsigned 32-bit number, and the elements, all most significant
    byte first (http://yann.lecun.com/exdb/mnist). The array has the machine's byte order.

    Everything in the header is checked before memory is taken for the elements, and a gzip stream that holds
    more than its header announces is not read any further.

    max_bytes: the largest array to read, in bytes.

    Raises DataError naming the file, what was expected and what came.
    """
    limit = integer_option("max_bytes", max_bytes, 1)
    with open_data(path) as file:
        dtype, shape = _read_header(file)
        size = math.prod(shape) * dtype.itemsize
        _check_size(file, shape, dtype, size, limit)
        content = np.empty(size, np.uint8)
        filled = 0
        for chunk in file.chunks(size):
            content[filled : filled + len(chunk)] = np.frombuffer(chunk, np.uint8)
            filled += len(chunk)
        if filled < size:
            raise DataError(f"{file.path} ends early: its header announces {size} bytes of data, got {filled}.")
        if file.stream.read(1):  # reading past the end also makes gzip compare its checksum
            raise DataError(f"{file.path} holds more than the {size} bytes of data that its header announces.")
    array: NDArray[Any] = content.view(dtype).reshape(shape)
    if not dtype.isnative:
        array = array.byteswap(inplace=True).view(dtype.newbyteorder("="))
    return array


def _read_header(file: DataFile) -> tuple[np.dtype[Any], tuple[int, ...]]:
    magic = b"".join(file.chunks(4))
    if len(magic) < 4 or magic[:2] != b"\0\0":
        raise DataError(f"{file.path} is not an IDX file: it should begin with two zero bytes, got {magic.hex(' ')!r}.")
    code, dimensions = magic[2], magic[3]
    if code not in _DTYPES:
        known = ", ".join(f"0x{known:02x}" for known in _DTYPES)
        raise DataError(f"{file.path} has the unknown IDX dtype code 0x{code:02x}; expected one of {known}.")
    if not 1 <= dimensions <= _MAX_DIMENSIONS:
        raise DataError(f"{file.path} announces {dimensions} dimensions; expected 1 to {_MAX_DIMENSIONS}.")
    sizes = b"".join(file.chunks(4 * dimensions))
    if len(sizes) < 4 * dimensions:
        raise DataError(f"{file.path} ends within its header: expected {dimensions} dimensions of 4 bytes each.")
    return np.dtype(_DTYPES[code]), struct.unpack(f">{dimensions}I", sizes)


def _check_size(file: DataFile, shape: tuple[int, ...], dtype: np.dtype[Any], size: int, limit: int) -> None:
    """Refuse what is empty, too large, or not what the file can hold, before memory is taken for it."""
    announced = f"{file.path} announces {dtype.name} data of shape {shape}, which is {size} bytes"
    available = file.largest - 4 - 4 * len(shape)
    if size == 0:
        raise DataError(f"{announced}: there is nothing to read.")
    if size > limit:
        raise DataError(f"{announced}; the limit is {limit}. If the file is to be trusted, raise max_bytes.")
    if file.gzipped and size > available:
        raise DataError(f"{announced}, more than a gzip file of its length can hold.")
    if not file.gzipped and size != available:
        raise DataError(f"{announced}, but {available} bytes follow its header.")
