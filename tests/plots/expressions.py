"""Expressions that the tests of graphs share, and ways to look at a graph."""

import numpy as np

import glassnet as gn
from glassnet import nn


def leaf(value):
    return gn.tensor(value, requires_grad=True)


def neuron():
    x1, x2, w1, w2 = leaf(2.0), leaf(0.0), leaf(-3.0), leaf(1.0)
    b = leaf(6.8813735870195432)
    n = x1 * w1 + x2 * w2 + b
    o = gn.tanh(n)
    return o, {"x1": x1, "x2": x2, "w1": w1, "w2": w2, "b": b, "n": n, "o": o}


def classifier():
    """A network, a batch and its loss."""
    gn.manual_seed(0)
    net = nn.Sequential(nn.Linear(6, 4), nn.BatchNorm1d(4), nn.Tanh(), nn.Linear(4, 3))
    x = np.random.default_rng(0).normal(size=(8, 6)).astype(np.float32)
    y = np.arange(8) % 3
    return net, x, y, nn.CrossEntropyLoss()(net(x), y)


def edges_of(graph):
    return [(source, i) for i, node in enumerate(graph.nodes) for source in node.inputs]


def titles(graph):
    return [node.title for node in graph.nodes]
