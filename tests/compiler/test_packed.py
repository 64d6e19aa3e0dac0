"""Tables that compiled steps read as bytes: the same bits come out, and other tables are left alone."""

import numpy as np
import pytest

import glassnet as gn
from glassnet.compiler import packed as module
from glassnet.compiler.native import NativeStep
from glassnet.compiler.packed import packed
from glassnet.compiler.step import Bound

BYTES = np.arange(256, dtype=np.uint8)


def native(**tables):
    """A step that gives back the rows that it takes from tables, all of them."""
    bound = Bound(lambda *batch: dict(zip(tables, batch, strict=True)), {}, None)
    return NativeStep(bound, {f"data.{name}": table for name, table in tables.items()}, 256)


def rows_of(step):
    rows = np.random.default_rng(0).permutation(256)[None]
    return rows[0], step.run(rows, np.zeros((1, 0)), 0, np.zeros((1, 0, 2), np.uint32))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_pixel_comes_out_with_the_same_bits(dtype):
    pixels = np.repeat(BYTES.astype(dtype) / 255, 3).reshape(256, 3)
    rows, found = rows_of(native(x=pixels))
    np.testing.assert_array_equal(found["x"][0].view(np.uint8), pixels[rows].view(np.uint8))


def test_labels_and_whole_numbers_come_out_as_they_were():
    tables = {"x": BYTES.astype(np.float32), "y": BYTES.astype(np.int64), "z": BYTES.astype(np.int32)}
    rows, found = rows_of(native(**tables))
    for name, table in tables.items():
        assert found[name].dtype == table.dtype
        np.testing.assert_array_equal(found[name][0], table[rows])


def test_bytes_are_what_the_program_reads():
    step = native(x=BYTES.astype(np.float32) / 255, y=BYTES.astype(float) * 0.3)
    assert {name: table.dtype for name, table in step.program.tables.items()} == {"data.x": np.uint8, "data.y": float}


@pytest.mark.parametrize(
    "odd", [-0.0, np.nan, np.inf, 256.0, -1.0, 0.5, np.nextafter(np.float32(1), np.float32(2)), 1e30]
)
@pytest.mark.parametrize("where", [0, module.FIRST + 7, -1])
def test_a_table_with_one_other_number_is_left_alone(odd, where):
    for divisor in (1, 255):
        table = np.resize(BYTES.astype(np.float32) / np.float32(divisor), module.BLOCK + 100)
        assert packed(table) is not None
        table[where] = odd
        assert packed(table) is None


@pytest.mark.parametrize(
    "table", [BYTES, BYTES > 3, BYTES.astype(np.int8), BYTES.astype(int) - 1, BYTES.astype(int) + 1]
)
def test_bytes_booleans_and_whole_numbers_beyond_are_left_alone(table):
    assert packed(table) is None


def test_an_empty_table_is_no_mistake():
    for dtype in (np.float32, np.int64):
        found = packed(np.zeros((0, 4), dtype))
        assert found is None or found.codes.shape == (0, 4)


def test_a_training_packs_each_table_once(monkeypatch):
    asked = []
    monkeypatch.setattr(module, "packed", lambda table: asked.append(table) or packed(table))
    x = (np.arange(400) % 256).reshape(100, 4).astype(np.float32) / 255
    net = gn.nn.Linear(4, 2)
    run = gn.fit(
        net,
        (x, np.arange(100) % 2),
        loss=gn.nn.CrossEntropyLoss(),
        optimizer=gn.optim.SGD(net.parameters(), lr=0.1),
        epochs=3,
        batch_size=32,  # and 4 rows are left
        folder=None,
        progress=False,
        compile=True,
    )
    assert run.eager_reason is None
    assert any(table is x for table in asked)
    assert len(asked) == len({id(table) for table in asked})
