"""The landscape of the loss: directions, planes, lines, and the loss at their points."""

import numpy as np
import pytest

import glassnet as gn
from glassnet import nn
from glassnet.data.dataset import Split
from glassnet.engine.errors import ConfigError
from glassnet.train.landscape import (
    Surface,
    between,
    flat,
    parameters_of,
    plane_around,
    plane_through,
    random_direction,
)

X = np.random.default_rng(0).standard_normal((40, 3)).astype(np.float32)
Y = (X[:, 0] > 0).astype(np.int64)


def network(*middle):
    gn.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 5), *middle, nn.Tanh(), nn.Linear(5, 2))


def test_the_loss_at_the_weights_is_the_one_that_evaluate_gives():
    net = network()
    surface = Surface(net, Split(X, Y), nn.CrossEntropyLoss())
    expected = gn.evaluate(net, (X, Y), loss=nn.CrossEntropyLoss())["loss"]
    assert surface(parameters_of(net)) == pytest.approx(expected, rel=1e-6)


def test_the_loss_elsewhere_is_that_of_these_weights():
    net = network()
    surface, plane = Surface(net, Split(X, Y), nn.CrossEntropyLoss()), plane_around(net)
    other = network()
    other.load_state_dict(plane.at(0.5, -0.25))
    expected = gn.evaluate(other, (X, Y), loss=nn.CrossEntropyLoss())["loss"]
    assert surface(plane.at(0.5, -0.25)) == pytest.approx(expected, rel=1e-6)
    assert surface(plane.at(0.5, -0.25)) != pytest.approx(surface(plane.at(0, 0)), rel=1e-3)


def test_batch_norm_normalises_with_the_rows_and_dropout_is_off():
    net = network(nn.BatchNorm1d(5), nn.Dropout(0.5))
    surface = Surface(net, Split(X, Y), nn.CrossEntropyLoss())
    first = surface(parameters_of(net))
    moved = parameters_of(net)
    moved["0.weight"] = 3 * moved["0.weight"]  # after the normalisation, as if nothing had happened
    moved["0.bias"] = 3 * moved["0.bias"]
    assert surface(moved) == pytest.approx(first, rel=1e-4)
    assert surface(parameters_of(net)) == pytest.approx(first, rel=1e-4)  # also from other running statistics
    assert {module.training for module in net.modules()} == {True}  # as they were found


def test_weights_beyond_all_bounds_give_no_number_and_no_warning():
    net = network()
    surface = Surface(net, Split(X, Y), nn.CrossEntropyLoss())
    assert not np.isfinite(surface({name: array * np.nan for name, array in parameters_of(net).items()}))


def test_a_direction_has_the_norm_of_the_weights_filter_by_filter():
    gn.manual_seed(0)
    net = nn.Sequential(nn.Embedding(7, 4), nn.Flatten(), nn.Linear(8, 3), nn.LayerNorm(3))
    found = random_direction(net, 0, 0)
    weights = parameters_of(net)
    np.testing.assert_allclose(
        np.linalg.norm(found["2.weight"], axis=0), np.linalg.norm(weights["2.weight"], axis=0), 1e-5
    )
    np.testing.assert_allclose(
        np.linalg.norm(found["0.weight"], axis=1), np.linalg.norm(weights["0.weight"], axis=1), 1e-5
    )
    assert not found["2.bias"].any()
    assert not found["3.weight"].any()


def test_a_direction_of_a_convolution_has_the_norm_of_each_kernel():
    gn.manual_seed(0)
    net = nn.Conv2d(2, 3, 3)
    found, weights = random_direction(net, 0, 0), parameters_of(net)
    np.testing.assert_allclose(
        np.sqrt((found["weight"] ** 2).sum((0, 1, 2))), np.sqrt((weights["weight"] ** 2).sum((0, 1, 2))), 1e-5
    )


def test_directions_are_functions_of_seed_and_number():
    net = network()
    assert np.array_equal(flat(random_direction(net, 0, 0)), flat(random_direction(net, 0, 0)))
    assert not np.array_equal(flat(random_direction(net, 0, 0)), flat(random_direction(net, 0, 1)))
    assert not np.array_equal(flat(random_direction(net, 0, 0)), flat(random_direction(net, 1, 0)))


def test_a_plane_goes_through_three_points():
    rng = np.random.default_rng(0)
    points = [{"a": rng.standard_normal((2, 3)), "b": rng.standard_normal(4)} for _ in range(3)]
    plane = plane_through(points)
    assert sum(plane.shares) == pytest.approx(1)
    for point in points:
        np.testing.assert_allclose(flat(plane.at(*plane.shadow(point))), flat(point), atol=1e-12)
    across, up = flat(plane.across), flat(plane.up)
    np.testing.assert_allclose([across @ across, up @ up, across @ up], [1, 1, 0], atol=1e-12)


def test_a_plane_shows_what_differs_most():
    rng = np.random.default_rng(0)
    points = [{"a": np.array([t, t**2, 0.0, 0.0]) + 1e-3 * rng.standard_normal(4)} for t in np.linspace(-3, 3, 9)]
    plane = plane_through(points)
    assert sum(plane.shares) > 0.999
    np.testing.assert_allclose(plane.across["a"][2:], 0, atol=1e-3)


@pytest.mark.parametrize("count", [1, 2])
def test_a_plane_needs_three_points(count):
    with pytest.raises(ConfigError, match=f"at least three states of a training, and {count} are kept"):
        plane_through([{"a": np.zeros(3)}] * count)


def test_between_two_points():
    first, second = {"a": np.float32([0, 2])}, {"a": np.float32([1, 4])}
    assert between(first, second, 0)["a"].tolist() == [0, 2]
    assert between(first, second, 1)["a"].tolist() == [1, 4]
    assert between(first, second, 1.5)["a"].tolist() == [1.5, 5]
