"""The table of operations: every row, by its name."""

from glassnet.engine.ops.elementwise import (
    abs_,
    add,
    cast,
    divide,
    exp,
    log,
    maximum,
    minimum,
    multiply,
    negate,
    power,
    relu,
    sigmoid,
    sqrt,
    subtract,
    tanh,
    where,
)
from glassnet.engine.ops.fused import (
    batch_norm,
    linear,
    log_softmax,
    project,
    softmax,
    softmax_cross_entropy,
)
from glassnet.engine.ops.index import embedding, index
from glassnet.engine.ops.linalg import matmul
from glassnet.engine.ops.reduce import logsumexp, max_, mean, min_, sum_, var
from glassnet.engine.ops.shape import concatenate, expand, permute, reshape, stack

#: Name -> row.
TABLE = {
    row.name: row
    for row in (
        *(add, subtract, multiply, divide, negate, power),
        *(exp, log, sqrt, abs_, tanh, sigmoid, relu, maximum, minimum, where, cast),
        *(sum_, mean, var, max_, min_, logsumexp),
        *(reshape, permute, expand, concatenate, stack),
        *(index, embedding),
        matmul,
        *(linear, project, log_softmax, softmax, softmax_cross_entropy, batch_norm),
    )
}

__all__ = [
    "TABLE",
    "abs_",
    "add",
    "batch_norm",
    "cast",
    "concatenate",
    "divide",
    "embedding",
    "exp",
    "expand",
    "index",
    "linear",
    "log",
    "log_softmax",
    "logsumexp",
    "matmul",
    "max_",
    "maximum",
    "mean",
    "min_",
    "minimum",
    "multiply",
    "negate",
    "permute",
    "power",
    "project",
    "relu",
    "reshape",
    "sigmoid",
    "softmax",
    "softmax_cross_entropy",
    "sqrt",
    "stack",
    "subtract",
    "sum_",
    "tanh",
    "var",
    "where",
]
