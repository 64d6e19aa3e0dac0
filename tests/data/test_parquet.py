"""What a Parquet file announces is checked before polars, which ends the process when memory is short, takes it."""

import io

import numpy as np
import pytest

import glassnet as gn
from glassnet.data import read_columns
from glassnet.data.parquet import MAGIC, announced_size

pl = pytest.importorskip("polars")
N = 3000
RANDOM = np.random.default_rng(0)
FRAME = pl.DataFrame(
    {
        "number": RANDOM.standard_normal(N),
        "count": RANDOM.integers(0, 5, N),
        "category": [f"c{i % 7}" for i in range(N)],
        "name": [f"name {i}" for i in range(N)],
        "truth": RANDOM.random(N) > 0.5,
        "gaps": [None if i % 3 else 1.5 for i in range(N)],
    }
)
WAYS = [{"compression": c} for c in ("zstd", "uncompressed", "snappy", "gzip", "lz4")]
WAYS += [{"row_group_size": 500}, {"data_page_size": 1000}, {"statistics": "full"}]


def written(frame, **options):
    file = io.BytesIO()
    frame.write_parquet(file, **options)
    return file.getvalue()


@pytest.mark.parametrize("options", WAYS)
@pytest.mark.parametrize("rows", [0, 1, N])
def test_what_polars_writes_is_accepted(options, rows):
    assert announced_size(written(FRAME.head(rows), **options)) == (rows, 6)


def test_nested_columns_are_counted_by_their_parts():
    nested = FRAME.select(pl.struct("number", "name").alias("both"), pl.concat_list("count", "count").alias("pair"))
    assert announced_size(written(nested)) == (N, 3)


def test_no_byte_can_make_polars_end_the_process(tmp_path):
    content = written(FRAME.head(20).select("number", "category"), compression="uncompressed", statistics=False)
    path, refused = tmp_path / "file.parquet", 0
    for place in range(len(content)):  # 1 is the number -1: a page of -1 values made polars end the process
        for byte in (content[place] ^ 0x80, 1):
            path.write_bytes(content[:place] + bytes([byte]) + content[place + 1 :])
            try:
                read_columns(path)
            except gn.DataError as error:
                refused += "file.parquet" in str(error)
    assert refused > len(content) / 2


def test_every_cut_is_refused():
    content = written(FRAME.head(8))
    for end in range(len(content)):
        with pytest.raises(ValueError, match=r"."):
            announced_size(content[:end])


def footer(*fields):
    """A file with nothing but a footer of these bytes."""
    content = b"".join(fields)
    return MAGIC + content + len(content).to_bytes(4, "little") + MAGIC


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "does not begin and end"),
        (MAGIC + b"\xff\xff\xff\x7f" + MAGIC, "does not begin and end"),
        (footer(b"\x1c" * 1000), "nested too deeply"),
        (footer(b"\x19", b"\x19" * 1000), "nested too deeply"),
        (footer(b"\x19\xf6", b"\xff" * 9 + b"\x01"), "ends too early"),  # a list of 2 ** 64 numbers
        (footer(b"\x16", b"\xff" * 20), "a number in a header is too long"),
        (footer(b"\x18\xff\xff\xff\x7f"), "ends too early"),  # a text of 268 MB
        (footer(b"\x1b\x00"), "unknown type 11"),
        (footer(b"\x36\x01\x00"), "must be a count, got -1"),  # the number of rows
        (footer(b"\x36\x02\x00"), "field 4 of the footer is missing"),
        (footer(b"\x29\x0c\x16\x02\x19\x0c\x00"), "another number of rows than it announces"),
    ],
)
def test_footers_that_are_none(content, words):
    with pytest.raises(ValueError, match=words):
        announced_size(content)
