"""Files to try readers with: any bytes, and valid files that were changed in a few places."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import strategies as st

from glassnet.engine.errors import GlassnetError

#: Numbers at the edges of what headers hold, in both byte orders.
EXTREMES = [
    value.to_bytes(size, order)
    for size in (1, 2, 4, 8)
    for value in (0, 1, 2 ** (8 * size - 1) - 1, 2 ** (8 * size - 1), 2 ** (8 * size) - 1)
    for order in ("little", "big")
]


@st.composite
def changed(draw, files: Sequence[bytes], words: Sequence[bytes] = ()) -> bytes:
    """One of the files with one to four changes: a byte flipped, a part removed or repeated, the end cut, a word put
    over or between what was there. ``words`` are what the format uses.
    """
    content = bytearray(draw(st.sampled_from(files)))
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, max(0, len(content) - 1)))
        end = min(len(content), place + draw(st.sampled_from([1, 2, 4, 8, 64])))
        match draw(st.sampled_from(["flip", "remove", "repeat", "cut", "put over", "put between"])):
            case "flip" if content:
                content[place] ^= draw(st.integers(1, 255))
            case "remove":
                del content[place:end]
            case "repeat":
                content[place:place] = content[place:end]
            case "cut":
                del content[place:]
            case "put over":
                word = draw(st.sampled_from([*EXTREMES, *words]))
                content[place : place + len(word)] = word
            case "put between":
                content[place:place] = draw(st.sampled_from([*EXTREMES, *words]) | st.binary(max_size=20))
    return bytes(content)


def contents(files: Sequence[bytes], words: Sequence[bytes] = ()) -> st.SearchStrategy[bytes]:
    """Changed files, and now and then any bytes."""
    return st.one_of(changed(files, words), changed(files, words), changed(files, words), st.binary(max_size=400))


def read_or_refuse(read, path: Path, content: bytes) -> None:
    """Write the content, and read it: the only error allowed is one that glassnet raises on purpose, and it names the
    file.
    """
    path.write_bytes(content)
    try:
        read(path)
    except GlassnetError as error:
        if path.name not in str(error):
            pytest.fail(f"the error does not name the file: {error}")
