"""The panel of data and results, without a browser: its numbers are those of evaluate, predict and the scoring."""

import base64

import numpy as np
import pytest

import glassnet as gn
from glassnet import nn, optim
from glassnet.data.dataset import Dataset, Split
from glassnet.engine.errors import ConfigError, DataError
from glassnet.models import character_losses
from glassnet.plots import principal_components
from glassnet.viewer.answers import to_json
from glassnet.viewer.panels import results
from glassnet.viewer.query import Query
from glassnet.viewer.results.outcome import outcome
from glassnet.viewer.saved import SavedRun

from .commands import train_names, train_points, train_prices
from .pages import fit_digits, training


def ask(run, **query):
    return results.data(run, Query({name: str(value) for name, value in query.items()}))


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def digits(place):
    fit_digits(place / "digits")
    return SavedRun(place / "digits")


@pytest.fixture(scope="module")
def points(place):
    train_points(place / "points")
    return SavedRun(place / "points")


@pytest.fixture(scope="module")
def prices(place):
    train_prices(place / "prices")
    return SavedRun(place / "prices")


@pytest.fixture(scope="module")
def names(place):
    train_names(place / "names")
    return SavedRun(place / "names")


def test_scores_and_matrix_are_those_of_evaluate(digits):
    found, expected = ask(digits), gn.evaluate(digits.network(), digits.dataset())
    assert found["split"] == "test"
    assert found["scores"] == dict(expected)
    assert np.array_equal(found["confusion"], expected.confusion)
    assert found["classes"] == list("0123456789")
    assert found["per_class"][3] == expected.per_class["3"]
    assert found["mistakes"] == expected.confusion.sum() - np.trace(expected.confusion)


def test_another_split(digits):
    expected = gn.evaluate(digits.network(), digits.dataset().val)
    assert ask(digits, split="val")["scores"] == dict(expected)
    with pytest.raises(ConfigError, match="split must be one of train, val, test"):
        ask(digits, split="../../etc")


def test_a_cell_opens_its_rows_the_largest_loss_first(digits):
    net, test = digits.network(), digits.dataset().test
    matrix = np.array(ask(digits)["confusion"])
    np.fill_diagonal(matrix, 0)
    true, predicted = np.unravel_index(matrix.argmax(), matrix.shape)
    found = ask(digits, part="cell", true=true, predicted=predicted)
    assert found["count"] == matrix.max() > 24 == len(found["examples"])
    assert (found["true"], found["predicted"], found["right"]) == (str(true), str(predicted), False)
    losses = [one["loss"] for one in found["examples"]]
    assert losses == sorted(losses, reverse=True)
    for one in found["examples"]:
        x = test.x[one["row"] : one["row"] + 1]
        assert (net.predict(x)[0], test.y[one["row"]]) == (predicted, true)
        assert one["p_predicted"] == pytest.approx(net.predict_proba(x)[0, predicted], rel=1e-5)
        assert one["loss"] == pytest.approx(-np.log(net.predict_proba(x)[0, true]), rel=1e-4)
        pixels = np.frombuffer(base64.b64decode(one["picture"]), np.uint8)
        assert one["size"] == [28, 28]
        np.testing.assert_allclose(pixels / 255, x[0], atol=1 / 255)


def test_a_cell_of_hits_begins_with_the_least_certain(digits):
    found = ask(digits, part="cell", true=3, predicted=3)
    assert found["right"]
    assert len(found["examples"]) == 24 < found["count"]
    sure = [one["p_true"] for one in found["examples"]]
    assert sure == sorted(sure)


def test_the_worst_are_the_surest_mistakes(digits):
    worst = ask(digits)["worst"]
    assert len(worst) == 12
    assert all(one["true"] != one["predicted"] for one in worst)
    losses = [one["loss"] for one in worst]
    assert losses == sorted(losses, reverse=True)


@pytest.mark.parametrize("query", [{"true": 10}, {"predicted": -1}, {"true": "1e3"}, {"true": 10**9}])
def test_a_cell_that_there_is_not(digits, query):
    with pytest.raises(ConfigError):
        ask(digits, part="cell", **query)


def test_rows_are_limited_and_keep_their_numbers(digits):
    net, dataset = digits.network(), digits.dataset()
    found = outcome(net, dataset, "test", 100)
    overview = found.overview()
    assert overview["rows"] == 100
    assert np.array_equal(found.split.x, dataset.test.x[found.rows])
    assert overview["worst"][0]["row"] in found.rows
    assert np.array_equal(outcome(net, dataset, "test", 100).rows, found.rows)


def test_of_many_classes_those_with_the_most_mistakes_are_shown():
    x = np.eye(60, dtype=np.float32)
    y = np.arange(60)
    y[:2] = [1, 0]
    net = nn.Linear(60, 60)
    net.weight.data, net.task = np.eye(60, dtype=np.float32), "classification"
    found = outcome(net, Dataset("many", Split(x, y)), "train", 100).overview()
    assert found["all_classes"] == 60
    assert len(found["confusion"]) == 40
    assert list(found["numbers"][:2]) == [0, 1]
    assert found["confusion"][0].tolist()[:2] == [0, 1]


def test_rows_of_a_table_are_shown_in_its_units(points, place):
    dataset = points.dataset()
    found = ask(points, split="train")
    (first, *_) = found["worst"]
    rows = (place / "points.csv").read_text().splitlines()[1:]
    metres, degrees = (value for _, value in first["values"])
    names = [name for name, _ in first["values"]]
    assert names == ["metres", "<b>degrees"]
    assert any(
        metres == pytest.approx(float(row.split(",")[0]), rel=1e-3)
        and degrees == pytest.approx(float(row.split(",")[1]), abs=1e-3)
        and row.split(",")[2] == first["true"]
        for row in rows
    )
    assert dataset.classes == tuple(found["classes"])


def test_quantities(prices):
    found, net, dataset = ask(prices), prices.network(), prices.dataset()
    std, mean = dataset.encoder.target_std, dataset.encoder.target_mean
    assert found["kind"] == "regression"
    assert found["target"] == "price"
    np.testing.assert_allclose(found["true"], dataset.test.y[:, 0] * std + mean, rtol=1e-4)
    np.testing.assert_allclose(found["predicted"], net.predict(dataset.test.x)[:, 0] * std + mean, rtol=1e-4)
    errors = np.abs(np.array(found["true"]) - found["predicted"])
    assert found["scores"]["mae"] == pytest.approx(errors.mean(), rel=1e-3)
    assert found["scores"]["root mean squared error"] == pytest.approx(np.sqrt((errors**2).mean()), rel=1e-3)
    assert abs(found["worst"][0]["true"] - found["worst"][0]["predicted"]) == pytest.approx(errors.max(), rel=1e-3)
    assert dict(found["worst"][0]["values"])["kind"] in ("flat", "house")
    assert found["parts"] == []
    with pytest.raises(ConfigError, match="have no confusion matrix"):
        ask(prices, part="cell")


def test_answers_of_yes_and_no():
    x = np.random.default_rng(0).standard_normal((80, 2)).astype(np.float32)
    y = (x[:, :1] > 0).astype(np.float32)
    net = nn.Linear(2, 1)
    gn.fit(
        net,
        (x, y),
        loss=nn.BCEWithLogitsLoss(),
        optimizer=optim.SGD(net.parameters(), lr=0.5),
        epochs=3,
        progress=False,
        folder=None,
    )
    found = outcome(net, Dataset("yes", Split(x, y)), "train", 100)
    overview = found.overview()
    assert np.trace(overview["confusion"]) / 80 == pytest.approx(gn.evaluate(net, (x, y))["accuracy"])
    assert np.mean(found.losses) == pytest.approx(gn.evaluate(net, (x, y))["loss"], rel=1e-5)
    several = nn.Linear(2, 3)
    several.task = "binary"
    with pytest.raises(ConfigError, match="one class for each row"):
        outcome(several, Dataset("several", Split(x, np.repeat(y, 3, 1))), "train", 100)


def test_the_boundary_is_what_the_network_says_at_each_moment(points):
    found, net, dataset = ask(points, part="boundary"), points.network(), points.dataset()
    assert found["names"] == ["metres", "<b>degrees"]
    assert found["moments"][:2] == ["start", "epoch 1"]
    pictures = [ask(points, part="boundary", moment=i) for i in range(len(found["moments"]))]
    assert [picture["name"] for picture in pictures] == found["moments"]
    columns = dataset.encoder.columns
    i, j = 40, 10  # a point of the grid, in the network's own numbers
    x = [(found[axis][k] - column.mean) / column.std for axis, k, column in zip("xy", (j, i), columns, strict=True)]
    assert pictures[-1]["class"][i][j] == net.predict([x])[0]
    assert pictures[-1]["sure"][i][j] == pytest.approx(100 * net.predict_proba([x])[0].max(), abs=0.6)
    net.load_state_dict(points.snapshots()[0])
    assert pictures[0]["sure"][i][j] == pytest.approx(100 * net.predict_proba([x])[0].max(), abs=0.6)
    assert len(found["points"]["x"]) == len(dataset.train)
    assert 900 < np.mean(found["points"]["x"]) < 1100
    assert found["points"]["z"].tolist() == dataset.train.y.tolist()
    assert {"part": "boundary", "moment": str(len(pictures) - 1)} in results.queries(points)
    with pytest.raises(ConfigError, match="moments of this training are known"):
        ask(points, part="boundary", moment=len(pictures))


def test_the_surface_of_a_quantity(place):
    train_prices(place / "plain", features=2)
    run = SavedRun(place / "plain")
    found, net, encoder = ask(run, part="boundary"), run.network(), run.dataset().encoder
    x = [(found[axis][5] - column.mean) / column.std for axis, column in zip("xy", encoder.columns, strict=True)]
    expected = net.predict([x])[0, 0] * encoder.target_std + encoder.target_mean
    last = ask(run, part="boundary", moment=len(found["moments"]) - 1)
    assert last["value"][5][5] == pytest.approx(expected, rel=1e-4)
    assert found["target"] == "price"


def test_no_boundary_without_two_numbers(digits, prices):
    for run in (digits, prices):
        assert "boundary" not in ask(run)["parts"]
        with pytest.raises(ConfigError, match="inputs of two numbers"):
            ask(run, part="boundary")


def test_the_embedding_of_characters(names):
    found, net = ask(names, part="embedding"), names.network()
    table, shares = principal_components(net[0].weight.numpy(), 2)
    np.testing.assert_allclose(np.array([found["x"], found["y"]]).T, table, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(found["shares"], shares)
    assert found["labels"] == list(names.dataset().vocabulary.symbols)
    assert [label for label, group in zip(found["labels"], found["groups"], strict=True) if group] == list("aeio")


def test_what_the_last_layer_sees(digits):
    found, net = ask(digits, part="embedding"), digits.network()
    assert (found["kind"], found["width"], len(found["x"])) == ("rows", 16, 500)
    val = digits.dataset().val
    x, y = gn.data.batches(val, 500, seed=0)[0]
    seen, _ = principal_components(net[:2](x).numpy(), 2)
    np.testing.assert_allclose(found["x"], seen[:, 0], rtol=1e-4, atol=1e-5)
    assert found["groups"].tolist() == y.data.tolist()


def test_samples_are_new_and_scored(names):
    found, net, dataset = ask(names, part="samples"), names.network(), names.dataset()
    assert len(found["items"]) == 16
    for item in found["items"]:
        text = "".join(item["characters"][:-1])
        assert text not in dataset.train.items
        expected = character_losses(net, dataset.vocabulary, 3, text)
        np.testing.assert_allclose(item["losses"], expected, atol=1e-4)
        assert item["mean"] == pytest.approx(expected.mean())
    other = ask(names, part="samples", seed=1, temperature="0.5")
    assert other["items"] != found["items"]


def test_a_typed_text_is_scored(names):
    found = ask(names, part="score", text="anna")
    assert found["characters"] == [*"anna", "."]
    with pytest.raises(DataError, match="'x', which is not in the vocabulary"):
        ask(names, part="score", text="xa")
    with pytest.raises(ConfigError, match="type a text"):
        ask(names, part="score")
    with pytest.raises(ConfigError, match="at most 200 characters"):
        ask(names, part="score", text="a" * 201)


def test_the_matrix_of_a_language_model_is_of_characters(names):
    found = ask(names)
    assert found["classes"] == list(names.dataset().vocabulary.symbols)
    assert all(len(one["text"]) == 3 for one in found["worst"])
    assert found["parts"] == ["embedding", "samples"]


def test_only_texts_are_scored(digits):
    for part in ("samples", "score"):
        with pytest.raises(ConfigError, match="not a language model"):
            ask(digits, part=part, text="a")


def test_a_report_holds_the_cells_with_mistakes(digits):
    queries = results.queries(digits)
    matrix = np.array(ask(digits)["confusion"])
    np.fill_diagonal(matrix, 0)
    cells = [query for query in queries if query.get("part") == "cell"]
    assert len(cells) == min(40, (matrix > 0).sum())
    assert all(matrix[int(query["true"]), int(query["predicted"])] for query in cells)
    assert {"part": "embedding"} in queries
    assert sum(len(to_json(results.data(digits, Query(query)))) for query in queries) < 1_000_000


class Running(SavedRun):
    """As if the training went on in this process."""

    def state(self):
        return "running"


def test_a_running_training_is_validated_and_not_tested(digits):
    assert ask(Running(digits.folder))["split"] == "val"


def test_results_beside_a_training():
    with training() as live:
        first = ask(live)
        assert first["split"] == "val"
        assert first["parts"] == ["embedding"]
        cell = ask(live, part="cell", true=0, predicted=0)  # of the matrix that was shown
        assert cell["count"] == first["confusion"][0][0]
