"""Networks that are often wanted, and sampling."""

import numpy as np
import pytest

import glassnet as gn
from glassnet import nn
from glassnet.data import Vocabulary
from glassnet.models import character_mlp, mlp, sample
from glassnet.models.sampling import LONGEST


def count(net):
    return sum(parameter.size for parameter in net.parameters())


@pytest.mark.smoke
def test_the_digits_network_has_13002_parameters():
    assert count(mlp(784, [16, 16], 10)) == 13_002
    assert mlp(4, [], 3)(gn.tensor(np.ones((2, 4)))).shape == (2, 3)


def test_batch_norm_replaces_the_bias():
    net = mlp(4, [8], 3, activation="tanh", batch_norm=True)
    assert [type(layer).__name__ for layer in net] == ["Linear", "BatchNorm1d", "Tanh", "Linear"]
    assert net[0].bias is None
    assert net[-1].bias is not None


def test_the_character_model_gives_logits_for_each_context():
    net = character_mlp(27, 3)
    assert net(gn.tensor(np.zeros((5, 3), np.int64))).shape == (5, 27)
    assert count(net) == 27 * 10 + 30 * 200 + 400 + 200 * 27 + 27


def test_an_unknown_activation_is_refused():
    with pytest.raises(gn.ConfigError, match="expected one of relu, leaky_relu, elu"):
        mlp(4, [8], 3, activation="swoosh")


class Chain(nn.Module):
    """A language model that spells a, then b, then ends, with the given probability of going on with a instead."""

    task = "classification"

    def __init__(self, again=0.0):
        self.again = again

    def forward(self, x):
        table = np.log(np.array([[0, 1, 0], [0, self.again, 1 - self.again], [1, 0, 0]]) + 1e-30)
        return gn.tensor(table[x.data[:, -1]])


VOCABULARY = Vocabulary(("a", "b"))


def test_samples_follow_the_probabilities():
    assert sample(Chain(), VOCABULARY, 2, 1) == ["ab"]
    items = sample(Chain(0.5), VOCABULARY, 2, 8, seed=1)
    assert len(set(items)) == len(items) == 8
    assert {item.rstrip("b").strip("a") for item in items} == {""}
    assert items == sample(Chain(0.5), VOCABULARY, 2, 8, seed=1)
    assert items != sample(Chain(0.5), VOCABULARY, 2, 8, seed=2)


def test_samples_that_never_end_are_cut_off():
    assert sample(Chain(1.0), VOCABULARY, 1, 1) == ["a" * LONGEST]


def test_unwanted_samples_are_left_out_until_there_are_no_others():
    assert "ab" not in sample(Chain(0.5), VOCABULARY, 1, 5, exclude=["ab"])
    with pytest.raises(gn.ConfigError, match="only 0 of 5 samples were new"):
        sample(Chain(), VOCABULARY, 1, 5, exclude=["ab"])
    with pytest.raises(gn.ConfigError, match="temperature"):
        sample(Chain(), VOCABULARY, 1, temperature=0.0)


def test_many_samples_are_drawn_a_bounded_number_at_a_time():
    sizes = []

    class Watched(Chain):
        def forward(self, x):
            sizes.append(len(x.data))
            return super().forward(x)

    assert len(sample(Watched(0.9), VOCABULARY, 1, 30, at_once=16)) == 30
    assert max(sizes) == 16


def test_a_low_temperature_prefers_the_likely():
    def first(temperature):
        return {sample(Chain(0.3), VOCABULARY, 1, 1, temperature=temperature, seed=seed)[0] for seed in range(20)}

    assert first(0.05) == {"ab"}
    assert len(first(2.0)) > 2
