"""Access to the data files that are part of the package, which are checked before they are read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from glassnet.engine.errors import DataError

_SHA256 = {
    "mnist-10k-images-idx3-ubyte.gz": "f39d0f7d2bcc31628a7b30bf6f034eb8c3fdb4f4f37a394711d45be88350ab57",
    "mnist-10k-labels-idx1-ubyte.gz": "51ddaa567040c855557b00885623b489bdeb3fb1fee84580231173cd16a70992",
    "us-baby-names-2017.txt.gz": "c236aa976c3d732439c29ddca3407c9ec87234ff4147da962296600101356612",
}


@contextmanager
def embedded_file(name: str) -> Iterator[Path]:
    """The path of an embedded file while the ``with`` block runs.

    Raises DataError when the file is missing or its SHA-256 is not the published one.
    """
    import hashlib  # here and not above, because they are not needed to import glassnet
    from importlib.resources import as_file, files

    resource = files("glassnet.data").joinpath("embedded", name)
    try:
        checksum = hashlib.sha256(resource.read_bytes()).hexdigest()
    except OSError as error:
        reason = error.strerror or error
        raise DataError(f"the embedded file {name} cannot be read: {reason}. Install glassnet again.") from None
    if checksum != _SHA256[name]:
        raise DataError(
            f"the embedded file {name} is damaged: its SHA-256 should be {_SHA256[name]}, got {checksum}. "
            "Install glassnet again."
        )
    with as_file(resource) as path:
        yield path
