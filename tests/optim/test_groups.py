"""Weight decay limited to weights."""

import numpy as np
import pytest

import glassnet as gn
from glassnet import nn, optim


def test_only_weights_decay():
    net = nn.Sequential(nn.Embedding(5, 4), nn.Linear(4, 3), nn.BatchNorm1d(3), nn.LayerNorm((2, 3)))
    net[1].bias.data = np.ones(3, np.float32)
    optimizer = optim.SGD(optim.decay_weights_only(net, 0.5), lr=0.1)
    before = net.state_dict()
    for parameter in net.parameters():
        parameter.grad = np.zeros_like(parameter.data)
    optimizer.step()
    shrunk = {name for name, parameter in net.named_parameters() if (parameter.data != before[name]).any()}
    assert shrunk == {"0.weight", "1.weight"}
    np.testing.assert_allclose(net[1].weight.data, 0.95 * before["1.weight"], rtol=1e-6)
    assert len(optimizer.parameters) == len(list(net.parameters()))


def test_what_is_frozen_is_left_out():
    net = nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 2, bias=False))
    for parameter in net[0].parameters():
        parameter.requires_grad = False
    (group,) = optim.decay_weights_only(net, 0.5)
    assert group["params"] == [net[1].weight]
    net[1].weight.requires_grad = False
    with pytest.raises(gn.ConfigError, match="Sequential has no weights that are trained"):
        optim.decay_weights_only(net, 0.5)
