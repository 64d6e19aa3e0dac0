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


@pytest.mark.parametrize("hidden", [[8], []])
def test_an_unknown_activation_is_refused(hidden):
    with pytest.raises(gn.ConfigError, match="expected one of relu, leaky_relu, elu"):
        mlp(4, hidden, 3, activation="swoosh")


def test_an_embedding_is_a_product_with_one_hot_rows():
    """Looking up row i of a table is multiplying a row of zeros with a 1 in place i by it; so are the gradients."""
    table, matrix = nn.Embedding(27, 10), nn.Linear(27, 10, bias=False)
    matrix.weight.data = table.weight.data
    x = np.random.default_rng(0).integers(0, 27, (32, 3))
    looked_up, multiplied = table(x), nn.Sequential(nn.OneHot(27), matrix)(x)
    np.testing.assert_array_equal(looked_up.numpy(), multiplied.numpy())
    for output in (looked_up, multiplied):
        (output * output).sum().backward()
    np.testing.assert_allclose(table.weight.grad, matrix.weight.grad, rtol=1e-5)
    first = character_mlp(27, 3)  # and so in a whole network
    second = nn.Sequential(nn.OneHot(27), nn.Linear(27, 10, bias=False), *first[1:])
    second[1].weight.data = first[0].weight.data
    np.testing.assert_allclose(first(x).numpy(), second(x).numpy(), rtol=1e-6, atol=1e-6)


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


def test_an_item_depends_on_its_number_and_not_on_how_many_are_drawn():
    net = Chain(0.9)
    many = sample(net, VOCABULARY, 1, 30, seed=5)
    assert sample(net, VOCABULARY, 1, 7, seed=5) == many[:7]
    for at_once in (1, 3, 64, 1000):
        again = sample(net, VOCABULARY, 1, 30, seed=5, at_once=at_once)
        assert (again, again.drawn) == (many, many.drawn)


def test_what_was_drawn_and_left_out_is_told():
    samples = sample(Chain(0.5), VOCABULARY, 1, 5, exclude=["ab", "aab"])
    assert set(samples.left_out) == {"ab", "aab"}
    assert samples.drawn >= len(samples) + len(samples.left_out)
    assert sample(Chain(0.5), VOCABULARY, 1, 5).left_out == []


def test_a_prompt_begins_every_item():
    assert sample(Chain(), VOCABULARY, 1, 1, prompt="bba") == ["bbab"]  # longer than the context
    items = sample(Chain(0.5), VOCABULARY, 3, 6, prompt="aa")
    assert all(item.startswith("aa") for item in items)


def test_only_the_likeliest_are_drawn_from():
    assert sample(Chain(0.3), VOCABULARY, 1, 1, top_k=1) == ["ab"]
    with pytest.raises(gn.ConfigError, match="only 1 of 2 samples were new"):
        sample(Chain(0.3), VOCABULARY, 1, 2, top_k=1)
    assert len(sample(Chain(0.3), VOCABULARY, 1, 4, top_k=2)) == 4


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"prompt": "abc"}, "the prompt 'abc' holds 'c', which the model has never seen; it knows 'ab'."),
        ({"prompt": "a."}, "holds '.'"),
        ({"prompt": "a" * LONGEST}, "the prompt has 40 characters; items are cut off at 40. Use a shorter one."),
        ({"top_k": 0}, "top-k must be a whole number from 1 to 3, got 0."),
        ({"top_k": 4}, "top-k must be a whole number from 1 to 3, got 4."),
        ({"temperature": -1}, "temperature must be above 0, got -1."),
        ({"at_once": 0}, "at_once must be"),
    ],
)
def test_options_of_sampling_that_do_not_fit(options, words):
    with pytest.raises(gn.ConfigError) as error:
        sample(Chain(), VOCABULARY, 1, 1, **options)
    assert words in str(error.value)


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
