"""The table that drives the tests of all operations: one record for each row of ``glassnet.engine.ops.TABLE``, and one
for each method that is made of rows.
"""

import numpy as np
import pytest

from .op_activation import ACTIVATION
from .op_arrays import INDEX, LINALG, REDUCE, SHAPE
from .op_conv import CONV
from .op_derived import DERIVED
from .op_elementwise import ELEMENTWISE
from .op_fused import FUSED
from .op_noise import NOISE

OPS = [*ELEMENTWISE, *ACTIVATION, *REDUCE, *SHAPE, *INDEX, *LINALG, *CONV, *FUSED, *NOISE, *DERIVED]

#: Rows without a derivative, which have tests of their own.
WITHOUT_DERIVATIVE = ["one_hot"]

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
