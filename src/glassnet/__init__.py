"""glassnet: build, train and see into neural networks.

>>> import glassnet as gn
>>> a = gn.tensor(2.0, requires_grad=True)
>>> (a * a + a).backward()
>>> a.grad
array(5., dtype=float32)
"""

from glassnet import data, engine, models, nn, optim, train
from glassnet.api import evaluate, fit, lr_find
from glassnet.compile.own import compile  # noqa: A004  # glassnet.compile
from glassnet.engine import *  # noqa: F403  # engine.__all__ is the list
from glassnet.engine.functions import (
    abs,  # noqa: A004  # glassnet.abs, as in NumPy
    concatenate,
    cos,
    exp,
    expm1,
    log,
    log1p,
    matmul,
    maximum,
    minimum,
    relu,
    sigmoid,
    sin,
    sqrt,
    stack,
    tanh,
    where,
)
from glassnet.plots.expression import graph
from glassnet.train import Callback, EarlyStopping, Run

__version__ = "0.1.0"

__all__ = [  # noqa: PLE0604  # engine.__all__ holds strings
    *engine.__all__,
    "abs",
    "concatenate",
    "cos",
    "exp",
    "expm1",
    "log",
    "log1p",
    "matmul",
    "maximum",
    "minimum",
    "relu",
    "sigmoid",
    "sin",
    "sqrt",
    "stack",
    "tanh",
    "where",
    "Callback",
    "EarlyStopping",
    "Run",
    "compile",
    "data",
    "models",
    "evaluate",
    "fit",
    "graph",
    "lr_find",
    "nn",
    "optim",
    "train",
]
