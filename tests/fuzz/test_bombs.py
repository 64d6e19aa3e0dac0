"""Small files that announce or unfold to much: an error, before the memory is taken."""

import gzip
import io
import json
import struct
import subprocess
import sys
import zlib

import pytest

from glassnet.train.storage import SEAL, UNSEALED, seal

#: Reads the file in a process of its own, and prints the error and how many MB the process ever had.
PROGRAM = """
import sys
from glassnet.engine.errors import GlassnetError
from {module} import {reader}
from pathlib import Path
path = Path(sys.argv[1])
try:
    {reader}(path)
except GlassnetError as error:
    print(f"{{type(error).__name__}} {{str(error)[:300]!r}}")
print([int(line.split()[1]) // 1024 for line in open("/proc/self/status") if line.startswith("VmHWM")][0])
"""
MOST = 350  # MB, of which Python with polars takes up to 200


def chunk(kind, content):
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(width, height, *more):
    """A black picture, which is compressed a thousandfold."""
    lines = zlib.compressobj(1)
    data = b"".join(lines.compress(bytes(width + 1)) for _ in range(height)) + lines.flush()
    header = chunk(b"IHDR", struct.pack(">2I5B", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(more) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def parquet(**columns):
    pl = pytest.importorskip("polars")
    file = io.BytesIO()
    pl.select(**columns).write_parquet(file)
    return file.getvalue()


def repeated(value, count):
    return pytest.importorskip("polars").repeat(value, count)


def safetensors(header, size=8):
    text = json.dumps({"__metadata__": {"glassnet": "{}", SEAL: UNSEALED}, **header}).encode()
    return seal(len(text).to_bytes(8, "little") + text + bytes(size))


DEEP = '{"a":' * 100_000
IDX = struct.pack(">4B3I", 0, 0, 8, 3, 60000, 28, 28)
BOMBS = {
    "many zeros.idx": lambda: gzip.compress(IDX[:15] + b"\x1d" + bytes(2**26), 1),
    "announced.idx": lambda: struct.pack(">4B8I", 0, 0, 14, 8, *[2**32 - 1] * 8),
    "many lines.txt": lambda: gzip.compress(b"\n" * 2**27, 1),
    "long line.txt": lambda: gzip.compress(b"a" * 2**27, 1),
    "large.png": lambda: png(10_000, 5_001),
    "huge.png": lambda: png(1, 1).replace(struct.pack(">2I", 1, 1), struct.pack(">2I", 2**31 - 1, 2**31 - 1)),
    "words.png": lambda: png(9, 9, *[chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(2**27), 1))] * 4),
    "columns.csv": lambda: b"a" + b",b" * 500_000 + b"\n1" + b",1" * 500_000,
    "rows.parquet": lambda: parquet(a=repeated(True, 2**27 + 1)),
    "texts.parquet": lambda: parquet(a=repeated("x" * 2**20, 260)),
    "deep.toml": lambda: b"a = " + b"[" * 100_000,
    "long.toml": lambda: b"a = '" + b"a" * 2**21 + b"'",
    "header.safetensors": lambda: (2**63).to_bytes(8, "little") + b"{}",
    "tensor.safetensors": lambda: safetensors({"a": {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 2**42]}}),
    "shape.safetensors": lambda: safetensors({"a": {"dtype": "F32", "shape": [2**62, 8], "data_offsets": [0, 8]}}),
    "deep.safetensors": lambda: safetensors({}).replace(b'{"__meta', DEEP.encode() + b'{"__meta'),
}
READERS = {
    "idx": ("glassnet.data", "read_idx"),
    "txt": ("glassnet.data", "read_lines"),
    "png": ("glassnet.data.images", "read_digit"),
    "csv": ("glassnet.data.tables", "read_columns"),
    "parquet": ("glassnet.data.tables", "read_columns"),
    "toml": ("glassnet.recipe.recipe", "read_toml"),
    "safetensors": ("glassnet.train.checkpoint", "read_arrays"),
}


pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the memory of a process is read from /proc")


def read_apart(path):
    """The error that reading the file gives, and the MB that it took, by a process that nothing else ran in."""
    module, reader = READERS[path.suffix[1:]]
    program = PROGRAM.format(module=module, reader=reader)
    output = subprocess.check_output([sys.executable, "-c", program, path], text=True)
    *error, peak = output.splitlines()
    return error, int(peak)


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_an_error(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(BOMBS[name]())
    error, peak = read_apart(path)
    assert len(error) == 1
    assert name in error[0]
    assert name != "large.png" or "10000 x 5001 pixels; at most" in error[0]  # which would fit, but takes its time
    assert peak < MOST


def test_what_is_just_allowed_is_read_and_the_measure_sees_it(tmp_path):
    header = struct.pack(">4BI", 0, 0, 8, 1, 2**27)
    (tmp_path / "allowed.idx").write_bytes(gzip.compress(header + bytes(2**27), 1))
    error, peak = read_apart(tmp_path / "allowed.idx")
    assert error == []
    assert peak > 128
