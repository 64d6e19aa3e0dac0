"""Counting which character follows which, n-grams, and the network that learns the same."""

import math

import numpy as np
import pytest

import glassnet as gn
from glassnet import nn, optim
from glassnet.data import Vocabulary, contexts, load
from glassnet.models import NGram, bigram_network, table_growth
from glassnet.models.bigram import MOST_ENTRIES

AB = Vocabulary(("a", "b"))
WORDS = ["ab", "ab", "aab", "b"]  # pairs: .a 3, .b 1, aa 1, ab 3, b. 4
COUNTS = [[0, 3, 1], [0, 1, 3], [4, 0, 0]]


def counted(smoothing=0.0, context=1, words=WORDS):
    return NGram(AB, context, smoothing=smoothing).fit(*contexts(words, AB, context))


@pytest.fixture(scope="module")
def names():
    """2,000 names to count and 500 others, as contexts of one character."""
    items, vocabulary = load("names").train.items, load("names").vocabulary
    return vocabulary, contexts(items[:2000], vocabulary, 1), contexts(items[2000:2500], vocabulary, 1)


def test_pairs_are_counted():
    assert counted().counts.tolist() == COUNTS
    assert str(counted().size) == "context 1: 3**2 = 9 entries, 72 bytes, 5 of them occur (55.6%)"


def test_fake_counts_smooth_the_probabilities():
    every = np.arange(3)[:, None]
    np.testing.assert_allclose(counted().predict_proba(every), np.array(COUNTS) / 4)
    np.testing.assert_allclose(counted(2.0).predict_proba(every), (np.array(COUNTS) + 2) / 10)
    assert counted(2.0).predict(every).tolist() == [1, 2, 0]


def test_the_loss_is_the_average_negative_log_likelihood():
    x, y = contexts(["ab"], AB, 1)
    assert counted().loss(x, y) == pytest.approx(-(math.log(3 / 4) + math.log(3 / 4) + math.log(1)) / 3)
    assert counted(1.0).score(x, y) == pytest.approx((2 * math.log(4 / 7) + math.log(5 / 7)) / 3)


def test_an_infinite_loss_names_what_never_occurred():
    x, y = contexts(["abba"], AB, 1)
    with pytest.raises(gn.DataError, match="infinite: 'bb' never occurred in training, nor did 2 others like it"):
        counted().loss(x, y)
    assert counted(0.1).loss(x, y) < math.inf
    assert gn.evaluate(counted().network(), (x, y))["loss"] == math.inf  # not hidden there either


def test_contexts_of_two_characters_are_trigrams():
    table = counted(context=2)
    assert table.counts.shape == (9, 3)
    assert table.counts[0].tolist() == [0, 3, 1]  # after ..
    assert table.counts[1 * 3 + 2].tolist() == [3, 0, 0]  # after ab
    assert table.counts.sum() == sum(len(word) + 1 for word in WORDS)


def test_a_context_that_never_occurred_makes_nothing_likelier():
    np.testing.assert_allclose(counted(context=2).predict_proba([[2, 2]]), [[1 / 3] * 3])


@pytest.mark.parametrize(("context", "smoothing"), [(1, 0.0), (1, 1.0), (3, 0.5)])
def test_its_network_has_the_same_probabilities(context, smoothing):
    table = counted(smoothing, context)
    x, y = contexts(WORDS, AB, context)
    net = nn.from_config(nn.to_config(table.network()))
    net.load_state_dict(table.network().state_dict())
    net.task = "classification"
    np.testing.assert_allclose(net.predict_proba(x), table.predict_proba(x), rtol=1e-6)
    assert gn.evaluate(net, (x, y))["loss"] == pytest.approx(table.loss(x, y), rel=1e-6)


def test_samples_are_drawn_from_the_table():
    first = counted().sample(5, seed=3)
    assert first == counted().sample(5, seed=3) != counted().sample(5, seed=4)
    assert {item.strip("a") for item in first} == {"b"}  # nothing else was counted


def test_a_table_that_would_be_too_large_is_refused_before_memory_is_taken():
    vocabulary = load("names").vocabulary
    with pytest.raises(gn.ConfigError, match=r"context 5 has 27\*\*6 entries; at most 67,108,864 are kept"):
        NGram(vocabulary, 5)
    with pytest.raises(gn.ConfigError, match="context 1000 has"):
        NGram(vocabulary, 1000)


def test_the_growth_of_tables_is_known_without_making_them(names):
    vocabulary = names[0]
    items = load("names").train.items[:300]
    sizes = table_growth(items, vocabulary, 6)
    for size in sizes[:3]:
        table = NGram(vocabulary, size.context).fit(*contexts(items, vocabulary, size.context))
        assert table.size == size
    assert [size.entries for size in sizes] == [27**n for n in range(2, 8)]
    assert [size.fits for size in sizes] == [27**n <= MOST_ENTRIES for n in range(2, 8)] == [True] * 4 + [False] * 2
    assert sizes[-1].empty > 0.999999
    assert "10,460,353,203 entries, 84 GB (too large)" in str(sizes[-1])


def test_what_cannot_be_counted_is_refused():
    x, y = contexts(WORDS, AB, 1)
    with pytest.raises(gn.ConfigError, match="counted nothing yet"):
        NGram(AB).loss(x, y)
    with pytest.raises(gn.DataError, match=r"x must be contexts \(N, 2\), got shape \(12, 1\)"):
        NGram(AB, 2).fit(x, y)
    with pytest.raises(gn.DataError, match="x has 12 rows and y has 11"):
        NGram(AB).fit(x, y[1:])
    with pytest.raises(gn.DataError, match="must be from 0 to 2, got 3"):
        NGram(AB).fit(x, y + 1)
    with pytest.raises(gn.ConfigError, match="smoothing must be a number of at least 0"):
        NGram(AB, smoothing=-1)


def trained(rows, strength=0.0):
    """The bigram network after a training to the end, with an L2 penalty on its weights."""
    gn.manual_seed(0)
    net = bigram_network(27)
    optimizer = optim.Adam(net.parameters(), lr=0.3)
    gn.fit(
        net,
        rows,
        loss=nn.CrossEntropyLoss(),
        penalty=nn.L2Penalty(strength) if strength else None,
        optimizer=optimizer,
        schedule=optim.CosineAnnealingLR(optimizer, T_max=400),
        steps=400,
        batch_size=None,
        shuffle=False,
        progress=False,
        folder=None,
        diagnostics=None,
        compile=True,
    )
    return net


def test_the_network_converges_to_the_counted_table(names):
    vocabulary, rows, _ = names
    table = NGram(vocabulary, smoothing=0).fit(*rows)
    net = trained(rows)
    assert gn.evaluate(net, rows)["loss"] == pytest.approx(table.loss(*rows), abs=1e-3)
    seen = table.counts.sum(1) > 200
    every = np.arange(27)[:, None]
    np.testing.assert_allclose(net.predict_proba(every)[seen], table.predict_proba(every)[seen], atol=2e-3)


def test_an_l2_penalty_does_what_fake_counts_do(names):
    """Both pull the rows of the table towards the uniform distribution, those with few counts most; a pair that never
    occurred becomes possible. So there is a number of fake counts that explains a penalty better than none does.
    """
    vocabulary, rows, held_out = names
    every = np.arange(27)[:, None]
    raw = NGram(vocabulary, smoothing=0).fit(*rows)
    with pytest.raises(gn.DataError, match="never occurred"):
        raw.loss(*held_out)
    distances = []
    for strength in (1e-4, 1e-3, 1e-2):
        net = trained(rows, strength)
        found = net.predict_proba(every)
        assert found.min() > 1e-6
        assert gn.evaluate(net, held_out)["loss"] < math.log(27)
        tables = [NGram(vocabulary, smoothing=fake).fit(*rows) for fake in (0.01, 0.1, 1, 10, 100)]
        apart = [np.abs(found - table.predict_proba(every)).sum() for table in tables]
        assert min(apart) < 0.6 * np.abs(found - raw.predict_proba(every)).sum()
        distances.append((int(np.argmin(apart)), np.abs(found - 1 / 27).sum()))
    best, uniform = zip(*distances, strict=True)
    assert list(best) == sorted(set(best))  # a stronger penalty is more fake counts
    assert list(uniform) == sorted(uniform, reverse=True)
