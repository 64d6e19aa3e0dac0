"""Whatever is in a file, its reader gives data or an error that glassnet raises on purpose and that names the file.

nice pytest tests/fuzz --hypothesis-profile=long    # the longer run, by hand
"""

import gzip
import io
import os
import struct
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from PIL import Image

from glassnet.data import read_idx, read_lines, read_table
from glassnet.data.columns import read_columns
from glassnet.data.images import read_digit
from glassnet.engine.errors import GlassnetError
from glassnet.recipe.recipe import Recipe, read_toml

from .mutations import contents, read_or_refuse

pl = pytest.importorskip("polars")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz")


def packed(files):
    return [*files, *map(gzip.compress, files)]


IDX = [struct.pack(">4B2I", 0, 0, 8, 2, 2, 3) + bytes(range(6)), struct.pack(">4BI", 0, 0, 0x0D, 1, 2) + bytes(8)]


@given(contents(packed(IDX)))
def test_idx(place, content):
    read_or_refuse(read_idx, place / "file.idx", content)


@given(
    contents(packed([b"ava\nbob\r\n\nzed", "zoë\nkévin\n".encode()]), [b"\xef\xbb\xbf", b"\r", b".", b"\0", b"\x1b"])
)
def test_text(place, content):
    read_or_refuse(read_lines, place / "file.txt", content)


ROWS = "a,b,kind\n" + "".join(f"{i / 4},{'xy'[i % 2]},{'uvw'[i % 3]}\n" for i in range(20))
CELLS = [
    b",",
    b'"',
    b"\n",
    b"\r",
    b"1e999",
    b"nan",
    b"-inf",
    b"1e308",
    b"1e-308",
    b"kind",
    b"true",
    b"2020-01-01",
    b"9" * 30,
]


def as_dataset(path):
    for missing in ("error", "fill"):
        try:
            data = read_table(path, target="kind", missing=missing, fractions=(0.5, 0.25, 0.25))
        except GlassnetError:
            continue
        assert np.isfinite(data.train.x).all()
    read_columns(path)


@given(contents([ROWS.encode(), ROWS.replace(",", ";").encode()], CELLS))
def test_csv(place, content):
    read_or_refuse(as_dataset, place / "file.csv", content)


def parquet(frame, **options):
    file = io.BytesIO()
    frame.write_parquet(file, **options)
    return file.getvalue()


FRAME = pl.read_csv(io.StringIO(ROWS))
PARQUET = [
    parquet(FRAME),
    parquet(FRAME, compression="uncompressed"),
    parquet(FRAME.with_columns(pl.col("a").cast(pl.Int32)), compression="snappy", statistics=False),
]


@given(contents(PARQUET))
def test_parquet(place, content):
    read_or_refuse(as_dataset, place / "file.parquet", content)


def picture(mode, form):
    image, file = Image.new(mode, (9, 7)), io.BytesIO()
    if mode in ("L", "1"):
        image.putpixel((3, 3), 255)
    image.save(file, form)
    return file.getvalue()


MODES = ["L", "RGBA", "P", "I;16", "1"]
PICTURES = [
    *(picture(mode, "PNG") for mode in MODES),
    *(picture("L", form) for form in ("JPEG", "GIF", "BMP", "WEBP", "PPM")),
]
CHUNKS = [b"IHDR", b"IDAT", b"PLTE", b"tRNS", b"iCCP", b"zTXt", b"iTXt", b"eXIf", b"IEND", b"acTL", b"fcTL", b"fdAT"]


@given(contents(PICTURES, CHUNKS))
def test_pictures(place, content):
    read_or_refuse(read_digit, place / "file.png", content)


TOML = b'data = "digits"\nhidden = [16, 16]\nlr = 0.1\nepochs = 3\nactivation = "relu"\nbatch-norm = true\n'
WORDS = [
    b"[",
    b"]",
    b"{",
    b'"',
    b"=",
    b"nan",
    b"-inf",
    b"1e999",
    b"9" * 30,
    b"0x" + b"f" * 5000,
    b"\\u0000",
    b"1979-05-27",
]


@given(contents([TOML], [*WORDS, b"hidden", b"root", b"target", b"\xff", b"[" * 3000]))
def test_toml(place, content):
    read_or_refuse(read_toml, place / "file.toml", content)
    with suppress(GlassnetError):
        Recipe.from_options(None, {}, place / "file.toml")


@pytest.mark.parametrize("ending", [".idx", ".txt", ".csv", ".parquet", ".png", ".toml"])
@pytest.mark.parametrize("kind", ["missing", "folder", "pipe", "empty", "null"])
def test_what_is_no_file(tmp_path, ending, kind):
    readers = {".idx": read_idx, ".txt": read_lines, ".png": read_digit, ".toml": read_toml}
    path = tmp_path / f"file{ending}"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "null":
        path = tmp_path / f"fi\0le{ending}"
    if kind == "empty" and ending == ".toml":
        assert read_toml(path) == {}
        return
    with pytest.raises(GlassnetError, match="le" + ending):
        readers.get(ending, read_columns)(path)


def test_the_comparison_sees_an_error_that_is_not_typed(place):
    def careless(path):
        return int(path.read_bytes())

    @settings(database=None)
    @given(contents([b"12"]))
    def fuzz(content):
        read_or_refuse(careless, place / "file", content)

    with pytest.raises(ValueError, match="invalid literal"):
        fuzz()
