"""glassnet.compile for networks: the predictions are those of the network, with the weights that it has at the time."""

import threading

import numpy as np
import pytest

import glassnet as gn
from glassnet import models, nn

X = np.random.default_rng(0).standard_normal((2100, 4))


def classifier():
    gn.manual_seed(0)
    net = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, 3))
    net(X[:50])  # so that the running statistics are not the first ones
    net.task = "classification"
    return net


@pytest.fixture(scope="module")
def pair():
    net = classifier()
    return net, gn.compile(net)


def assert_predicts(net, compiled, x):
    np.testing.assert_allclose(compiled.predict_proba(x), net.predict_proba(x), 1e-5, 1e-6)
    np.testing.assert_array_equal(compiled.predict(x), net.predict(x))


@pytest.mark.parametrize("rows", [1, 3, 4, 1023, 1024, 1025, 2100])
def test_any_number_of_rows(pair, rows):
    assert_predicts(*pair, X[:rows])


def test_few_programs_serve_all_numbers_of_rows():
    compiled = gn.compile(nn.Linear(4, 3))
    for rows in (5, 6, 7, 8):
        assert compiled.outputs(X[:rows]).shape == (rows, 3)
    assert len(compiled._made) == 1
    assert compiled.retraces == []


def test_the_weights_are_those_of_the_time():
    net = classifier()
    compiled = gn.compile(net)
    assert_predicts(net, compiled, X[:7])
    net[0].weight.data = net[0].weight.data * 2
    net[1].running_mean.data[...] += 1
    net.train()  # predictions are in evaluation mode, whichever mode the network is in
    assert_predicts(net, compiled, X[:7])
    net.eval()
    assert_predicts(net, compiled, X[:7])
    assert compiled.retraces == []
    assert [module.training for module in net.modules()] == [False] * 6
    net.to("float64")
    assert compiled.outputs(X[:7]).dtype == np.float64
    np.testing.assert_allclose(compiled.outputs(X[:7]), net(X[:7]).data, 1e-12)
    assert len(compiled.retraces) == 1


def test_other_kinds_of_networks():
    letters = np.random.default_rng(0).integers(0, 27, (6, 3))
    net = models.character_mlp(27, 3, embedding_dim=4, hidden=(8,)).eval()
    np.testing.assert_allclose(gn.compile(net).outputs(letters.tolist()), net(letters).data, 1e-5, 1e-6)
    regression = nn.Linear(4, 2)
    regression.task = "regression"
    np.testing.assert_allclose(gn.compile(regression).predict(X[:5]), regression.predict(X[:5]), 1e-5, 1e-6)


@pytest.mark.parametrize(
    ("x", "error", "words"),
    [
        (np.full((2, 4), np.nan), gn.DataError, "x must be finite"),
        (np.zeros((0, 4)), gn.DataError, "at least one row"),
        (3.0, gn.DataError, "at least one row"),
        ([["a"]], gn.DataError, "expected numbers"),
        (np.zeros((2, 5)), gn.ShapeError, r"layer 0 \(Linear 4 -> 8\) expected inputs with 4 features"),
    ],
)
def test_bad_inputs_are_refused_as_by_the_network(pair, x, error, words):
    for net in pair:
        with pytest.raises(error, match=words):
            net.predict(x)


def test_indices_out_of_range_are_refused_whenever_they_come():
    compiled = gn.compile(nn.Sequential(nn.Embedding(5, 3), nn.Flatten(), nn.Linear(6, 2)))
    for wrong in (9, -9):
        with pytest.raises(gn.DataError, match=rf"layer 0 .* indices must be from 0 to 4, got {wrong}"):
            compiled.outputs([[0, wrong]])
        assert compiled.outputs([[0, 1]]).shape == (1, 2)


def test_a_task_is_needed():
    with pytest.raises(gn.ConfigError, match="needs to know what the outputs mean"):
        gn.compile(nn.Linear(4, 3)).predict(X[:2])


def test_threads_of_python_do_not_get_each_others_numbers():
    net = nn.Sequential(nn.Linear(4, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 64))
    compiled, wrong = gn.compile(net), []
    compiled.outputs(X[:1024])

    def work(x):
        wanted = compiled.outputs(x)
        found = [compiled.outputs(x) for _ in range(100)]
        wrong.extend(one for one in found if not np.array_equal(one, wanted))

    threads = [threading.Thread(target=work, args=(X[i : i + 1024],)) for i in (0, 1000)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
