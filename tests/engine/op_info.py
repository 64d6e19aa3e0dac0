"""The table that drives the tests of all operations: one record for each row of ``glassnet.engine.ops.TABLE``."""

import numpy as np
import pytest

from .op_arrays import INDEX, LINALG, REDUCE, SHAPE
from .op_elementwise import ELEMENTWISE
from .op_fused import FUSED

OPS = [*ELEMENTWISE, *REDUCE, *SHAPE, *INDEX, *LINALG, *FUSED]

#: One parameter for each sample: the record, and the number of the sample.
SAMPLES = [
    pytest.param(info, number, id=f"{info.name}-{number}")
    for info in OPS
    for number in range(len(info.made(np.float64)))
]


def cases(field):
    """One parameter for each entry of a record's field: the record, and the entry."""
    return [
        pytest.param(info, entry, id=f"{info.name}-{number}")
        for info in OPS
        for number, entry in enumerate(getattr(info, field))
    ]
