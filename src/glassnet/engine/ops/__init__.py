"""The table of operations: every row, by its name."""

from glassnet.engine.ops.activation import elu, gelu, leaky_relu, relu, sigmoid, silu, softplus, tanh
from glassnet.engine.ops.conv import avg_pool, conv, max_pool
from glassnet.engine.ops.elementwise import (
    abs_,
    add,
    cast,
    clip,
    cos,
    divide,
    exp,
    expm1,
    log,
    log1p,
    maximum,
    minimum,
    multiply,
    negate,
    power,
    sin,
    sqrt,
    subtract,
    where,
)
from glassnet.engine.ops.fused import (
    batch_norm,
    layer_norm,
    linear,
    log_softmax,
    project,
    softmax,
    softmax_cross_entropy,
)
from glassnet.engine.ops.index import embedding, index, one_hot
from glassnet.engine.ops.linalg import matmul
from glassnet.engine.ops.noise import dropout
from glassnet.engine.ops.reduce import cumsum, logsumexp, max_, mean, min_, sum_, var
from glassnet.engine.ops.shape import concatenate, expand, pad, permute, reshape, stack

_ROWS = (
    *(add, subtract, multiply, divide, negate, power),
    *(exp, expm1, log, log1p, sqrt, abs_, sin, cos, maximum, minimum, clip, where, cast),
    *(tanh, sigmoid, softplus, relu, leaky_relu, elu, gelu, silu),
    *(sum_, mean, var, max_, min_, logsumexp, cumsum),
    *(reshape, permute, expand, pad, concatenate, stack),
    *(index, embedding, one_hot),
    *(matmul, conv, max_pool, avg_pool),
    *(linear, project, log_softmax, softmax, softmax_cross_entropy, batch_norm, layer_norm),
    dropout,
)

#: Name -> row.
TABLE = {row.name: row for row in _ROWS}

__all__ = [
    "TABLE",
    "abs_",
    "add",
    "avg_pool",
    "batch_norm",
    "cast",
    "clip",
    "concatenate",
    "conv",
    "cos",
    "cumsum",
    "divide",
    "dropout",
    "elu",
    "embedding",
    "exp",
    "expand",
    "expm1",
    "gelu",
    "index",
    "layer_norm",
    "leaky_relu",
    "linear",
    "log",
    "log1p",
    "log_softmax",
    "logsumexp",
    "matmul",
    "max_",
    "max_pool",
    "maximum",
    "mean",
    "min_",
    "minimum",
    "multiply",
    "negate",
    "one_hot",
    "pad",
    "permute",
    "power",
    "project",
    "relu",
    "reshape",
    "sigmoid",
    "silu",
    "sin",
    "softmax",
    "softmax_cross_entropy",
    "softplus",
    "sqrt",
    "stack",
    "subtract",
    "sum_",
    "tanh",
    "var",
    "where",
]
