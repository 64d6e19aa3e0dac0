"""The IDX reader: right arrays from right files, and only DataError, with little memory, from any other."""

import gzip
import math
import struct
import tracemalloc

import numpy as np
import pytest

from glassnet.data import read_idx
from glassnet.engine.errors import ConfigError, DataError

DTYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def header(code, *shape):
    return struct.pack(f">BBBB{len(shape)}I", 0, 0, code, len(shape), *shape)


def encode(array, code):
    return header(code, *array.shape) + array.astype(DTYPES[code]).tobytes()


@pytest.fixture
def write(tmp_path):
    def write(content):
        path = tmp_path / "file.idx"
        path.write_bytes(content)
        return path

    return write


@pytest.mark.parametrize("code", DTYPES)
@pytest.mark.parametrize("shape", [(5,), (2, 3), (2, 3, 4), (1, 1, 1, 1, 1, 1, 1, 1)])
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_arrays_come_back(write, code, shape, pack):
    array = (np.arange(math.prod(shape)) * 5 - 3 * (code != 0x08)).reshape(shape).astype(DTYPES[code])
    got = read_idx(write(pack(encode(array, code))))
    assert got.dtype == array.dtype.newbyteorder("=")
    assert got.dtype.isnative
    np.testing.assert_array_equal(got, array)
    got[...] = 0  # the array is the caller's own


def test_concatenated_gzip_members_are_one_file(write):
    content = encode(np.arange(10), 0x0C)
    path = write(gzip.compress(content[:20]) + gzip.compress(content[20:]))
    assert read_idx(path).tolist() == list(range(10))


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_a_file_cut_anywhere_is_an_error(write, pack):
    content = pack(encode(np.arange(12).reshape(3, 4), 0x0B))
    for end in range(len(content)):
        with pytest.raises(DataError, match=r"file\.idx"):
            read_idx(write(content[:end]))


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_more_than_announced_is_an_error(write, pack):
    content = encode(np.arange(12), 0x08)
    with pytest.raises(DataError, match=r"file\.idx"):
        read_idx(write(pack(content + b"\0")))
    with pytest.raises(DataError, match=r"file\.idx"):
        read_idx(write(pack(content) + b"garbage"))


def test_flipped_bits_give_an_error_or_what_the_flipped_file_says(write):
    content = encode(np.arange(6).reshape(2, 3), 0x0C)
    for position in range(len(content)):
        for bit in range(8):
            flipped = bytearray(content)
            flipped[position] ^= 1 << bit
            try:
                got = read_idx(write(bytes(flipped)))
            except DataError:
                continue
            start = 4 + 4 * flipped[3]
            shape = struct.unpack(f">{flipped[3]}I", flipped[4:start])
            expected = np.frombuffer(bytes(flipped[start:]), DTYPES[flipped[2]]).reshape(shape)
            np.testing.assert_array_equal(got, expected)


def test_flipped_bits_of_a_gzip_file_give_an_error_or_the_same_array(write):
    array = np.arange(60).reshape(20, 3) ** 2
    content = gzip.compress(encode(array, 0x0C))
    errors = 0
    for position in range(len(content)):
        for bit in range(8):
            flipped = bytearray(content)
            flipped[position] ^= 1 << bit
            try:
                np.testing.assert_array_equal(read_idx(write(bytes(flipped))), array)
            except DataError:
                errors += 1
    assert errors > 8 * (len(content) - 12)  # the time stamp and the like in gzip's header say nothing


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "begin with two zero bytes"),
        (b"\x89PNG\r\n", "begin with two zero bytes"),
        (header(0x0A, 1) + b"\0", "dtype code 0x0a"),
        (header(0x08), "0 dimensions"),
        (header(0x08, *[1] * 9) + b"\0", "9 dimensions"),
        (b"\0\0\x08\xff", "255 dimensions"),
        (b"\0\0\x08\x02\0\0\0\x01", "ends within its header"),
        (header(0x08, 0, 28, 28), "nothing to read"),
        (header(0x08, 0, 2**32 - 1, 2**32 - 1), "nothing to read"),
        (header(0x0E, *[2**32 - 1] * 8), "the limit is 1073741824"),
        (
            header(0x08, 65536, 65536, 65536, 65536),
            "the limit is",
        ),  # 2**64 bytes: 0 to whom counts in 64 bits
        (header(0x08, 1000), "0 bytes follow its header"),
        (header(0x08, 4) + b"12345", "5 bytes follow its header"),
    ],
)
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_hostile_headers(write, content, message, pack):
    if "follow" in message and pack is gzip.compress:
        message = "announces"
    with pytest.raises(DataError, match=message):
        read_idx(write(pack(content)))


def peak_memory(path):
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match="announces"):
            read_idx(path)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_gzip_bomb_is_not_inflated(write):
    path = write(gzip.compress(header(0x08, 100) + bytes(2**26), compresslevel=1))
    assert peak_memory(path) < 2**22


def test_no_memory_is_taken_for_data_that_cannot_be_there(write):
    assert peak_memory(write(gzip.compress(header(0x08, 2**29)))) < 2**22
    assert peak_memory(write(header(0x08, 2**29) + bytes(10))) < 2**22


def test_the_limit_can_be_moved(write):
    path = write(encode(np.arange(10), 0x0E))
    assert len(read_idx(path, max_bytes=80)) == 10
    with pytest.raises(DataError, match=r"is 80 bytes; the limit is 79.*raise max_bytes"):
        read_idx(path, max_bytes=79)
    with pytest.raises(ConfigError, match="max_bytes"):
        read_idx(path, max_bytes=0)


def test_what_is_no_file(tmp_path):
    with pytest.raises(DataError, match=r"absent\.idx cannot be read: No such file"):
        read_idx(tmp_path / "absent.idx")
    with pytest.raises(DataError, match="is not a file"):
        read_idx(tmp_path)
