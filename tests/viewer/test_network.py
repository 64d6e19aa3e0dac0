"""What the panel of the network shows are the engine's numbers, for every kind of input and network."""

import numpy as np
import pytest

import glassnet as gn
from glassnet import nn
from glassnet.data.images import read_digit
from glassnet.engine.errors import CheckpointError, ConfigError, DataError
from glassnet.recipe.recipe import Recipe
from glassnet.train.checkpoint import SNAPSHOTS, write_arrays
from glassnet.viewer.answers import to_json
from glassnet.viewer.examples import DRAWN, example
from glassnet.viewer.in_memory import FinishedRun
from glassnet.viewer.numbers import digits, packed
from glassnet.viewer.panels import PANELS
from glassnet.viewer.panels.network import MOST, shown
from glassnet.viewer.query import Query
from glassnet.viewer.saved import SavedRun
from glassnet.viewer.stages import flow, incoming

from .pages import fit_digits

DIGITS = gn.data.load("digits")
CLOSE = {"rel": 1e-4, "abs": 1e-7}


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    folder = tmp_path_factory.mktemp("digits") / "run"
    fit_digits(folder, steps=None, epochs=2)
    return SavedRun(folder)


@pytest.fixture(scope="module")
def names(tmp_path_factory):
    """A run on a text, with BatchNorm, as the command makes it."""
    folder = tmp_path_factory.mktemp("names") / "run"
    data = gn.data.load("names", context=4)
    gn.manual_seed(0)
    net = gn.models.wavenet(len(data.vocabulary), 4, hidden=(12,), embedding_dim=6)
    notes = {"recipe": Recipe("names", model="wavenet", context=4, hidden=(12,)).as_json(), "data_sha256": None}
    optimizer = gn.optim.AdamW(net.parameters(), lr=0.01)
    gn.fit(net, data, loss=nn.CrossEntropyLoss(), optimizer=optimizer, steps=30, folder=folder, progress=False,
           diagnostics=None, notes=notes)  # fmt: skip
    return SavedRun(folder)


def answer(run, panel, **query):
    return PANELS[panel].data(run, Query({name: str(value) for name, value in query.items()}))


def engine(net, row):
    """The outputs of each layer for a row of the test split, and the gradients of the loss by them."""
    outputs = []
    removers = [layer.register_forward_hook(lambda _layer, _x, out: outputs.append(out)) for layer in net]
    loss = nn.functional.cross_entropy(net(DIGITS.test.x[row : row + 1]), DIGITS.test.y[row : row + 1])
    for out in outputs:
        out.retain_grad()
    net.zero_grad()
    loss.backward()
    for remove in removers:
        remove()
    return loss, outputs


def test_activations_and_gradients_are_the_engines(seen):
    net = seen.network()
    loss, (_, hidden, logits) = engine(net, 7)
    found = answer(seen, "flow", row=7)
    assert found["loss"] == pytest.approx(loss.item(), **CLOSE)
    picture, first, last = found["stages"]
    assert [layer["text"] for layer in first["layers"]] == ["Linear 784 -> 16", "ReLU"]
    assert picture["picture"] == packed(DIGITS.test.x[7])
    for stage, out in ((first, hidden), (last, logits)):
        assert stage["values"] == pytest.approx(out.data[0].tolist(), **CLOSE)
        assert stage["gradients"] == pytest.approx(out.grad[0].tolist(), **CLOSE)
    probabilities = net.predict_proba(DIGITS.test.x[7:8])[0]
    best = found["prediction"]["classes"][0]
    assert (best["name"], best["neuron"]) == (str(probabilities.argmax()), probabilities.argmax())
    assert best["probability"] == pytest.approx(probabilities.max(), rel=1e-3)
    assert found["target"] == str(DIGITS.test.y[7])
    to_json(found)


def test_edges_are_the_strongest_weights(seen):
    weight = seen.network()[2].weight.data
    edges = answer(seen, "flow", row=0)["stages"][2]["edges"]
    for source, neuron, found in edges:
        assert found == pytest.approx(weight[source, neuron], rel=1e-3)
    assert abs(edges[0][2]) == pytest.approx(np.abs(weight).max(), rel=1e-3)
    assert [abs(edge[2]) for edge in edges] == sorted((abs(edge[2]) for edge in edges), reverse=True)


def test_the_equation_of_a_neuron_adds_up_and_its_gradients_are_the_engines(seen):
    net = seen.network()
    _, (z, hidden, _) = engine(net, 3)
    neuron = int(np.abs(z.grad[0]).argmax())
    found = answer(seen, "neuron", row=3, stage=1, neuron=neuron)
    terms, rest = found["equation"]["terms"], found["equation"]["rest"]
    total = sum(term["product"] for term in terms) + rest["sum"] + found["equation"]["bias"]
    assert found["equation"]["z"] == pytest.approx(z.data[0, neuron], **CLOSE)
    assert total == pytest.approx(z.data[0, neuron], rel=1e-3, abs=1e-4)
    assert rest["count"] == np.count_nonzero(DIGITS.test.x[3] * net[0].weight.data[:, neuron]) - len(terms)
    for term in terms:
        assert term["weight"] == pytest.approx(net[0].weight.data[term["source"], neuron], **CLOSE)
        assert term["gradient"] == pytest.approx(net[0].weight.grad[term["source"], neuron], **CLOSE)
    assert [step["gradient"] for step in found["steps"]] == pytest.approx(
        [z.grad[0, neuron], hidden.grad[0, neuron]], **CLOSE
    )
    assert found["weights"]["picture"] == packed(net[0].weight.data[:, neuron], signed=True)


def test_what_excites_a_neuron_most_does(seen):
    net = seen.network()
    with gn.no_grad():
        values = net[:2](DIGITS.test.x[:2000]).data[:, 5]
    found = answer(seen, "neuron", stage=1, neuron=5)["exciting"]
    assert [one["value"] for one in found] == pytest.approx(sorted(values, reverse=True)[: len(found)], **CLOSE)
    assert values[found[0]["row"]] == values.max()
    assert found[0]["target"] == str(DIGITS.test.y[found[0]["row"]])


def test_a_drawing_is_read_as_predict_reads_a_picture(seen, tmp_path):
    from PIL import Image

    ink = np.zeros((DRAWN, DRAWN), np.uint8)
    ink[5:30, 10:14] = 15
    ink[26:30, 10:30] = 9
    drawn = "".join(f"{level:x}" for level in ink.reshape(-1))
    Image.fromarray(ink * 17).save(tmp_path / "digit.png")
    wanted = read_digit(tmp_path / "digit.png")
    found = example(seen.network(), seen.dataset(), Query({"drawn": drawn}))
    np.testing.assert_allclose(found.x.reshape(28, 28), wanted, atol=1e-6)
    shown_ = answer(seen, "flow", drawn=drawn)
    probabilities = seen.network().predict_proba(wanted.reshape(1, -1))[0]
    assert shown_["prediction"]["classes"][0]["name"] == str(probabilities.argmax())
    assert shown_["loss"] is None
    assert any(shown_["stages"][2]["gradients"])  # of the loss if the prediction were right


@pytest.mark.parametrize(
    ("query", "error", "words"),
    [
        ({"drawn": "0" * DRAWN * DRAWN}, DataError, "no ink"),
        ({"drawn": "f" * 10}, ConfigError, "3136 digits"),
        ({"drawn": "g" * DRAWN * DRAWN}, ConfigError, "3136 digits"),
        ({"typed": "emma"}, ConfigError, "takes row or drawn"),
        ({"row": "2000"}, ConfigError, "from 0 to 1999"),
        ({"row": "-1"}, ConfigError, "from 0 to 1999"),
        ({"epoch": "77"}, ConfigError, "after epoch 77 were not kept"),
        ({"stage": "3"}, ConfigError, "stage must be"),
        ({"stage": "1", "neuron": "16"}, ConfigError, "neuron must be"),
    ],
)
def test_what_cannot_be_shown_is_a_sentence(seen, query, error, words):
    with pytest.raises(error, match=words):
        answer(seen, "neuron", **query)


def test_the_weights_of_an_epoch_are_those_that_it_had(seen):
    assert answer(seen, "network")["epochs"] == [0, 1, 2]
    gn.manual_seed(0)
    untrained = nn.Sequential(nn.Linear(784, 16), nn.ReLU(), nn.Linear(16, 10))
    logits = untrained(DIGITS.test.x[:1]).data[0]
    assert answer(seen, "flow", row=0, epoch=0)["stages"][-1]["values"] == pytest.approx(logits.tolist(), **CLOSE)
    assert answer(seen, "flow", row=0)["loss"] < answer(seen, "flow", row=0, epoch=0)["loss"]


def test_a_typed_text_says_how_likely_each_character_was(names):
    net, data = names.network(), names.dataset()
    found = answer(names, "flow", typed="emma", place=1)
    x, y = gn.data.contexts(["emma"], data.vocabulary, 4)
    likely = net.predict_proba(x)[np.arange(5), y]
    assert [one["text"] for one in found["letters"]] == [*"emma", "."]
    assert [one["probability"] for one in found["letters"]] == pytest.approx(likely.tolist(), rel=1e-3)
    assert [one["chosen"] for one in found["letters"]] == [False, True, False, False, False]
    assert (found["text"], found["target"]) == ("...e", "m")
    assert found["stages"][0]["labels"] == list("...e")
    assert found["stages"][-1]["labels"] == [*data.vocabulary.symbols]
    with pytest.raises(DataError, match="not in the vocabulary"):
        answer(names, "flow", typed="Émma")
    with pytest.raises(ConfigError, match="at most 60"):
        answer(names, "flow", typed="a" * 61)


def test_layers_that_keep_neurons_apart_are_one_column(names):
    stages = answer(names, "flow", row=5)["stages"]
    kinds = [[layer["text"].split()[0] for layer in stage["layers"]] for stage in stages]
    assert kinds == [[], ["Embedding"], *[["Linear", "BatchNorm1d", "Tanh"]] * 2, ["Linear"]]
    embedding = names.network()[0].weight.data[names.dataset().test.x[5]]
    assert stages[1]["values"] == pytest.approx(embedding.reshape(-1).tolist(), **CLOSE)
    assert {(int(source), int(neuron) // 6) for source, neuron, _ in stages[1]["edges"]} == {(i, i) for i in range(4)}


def test_a_layer_that_is_used_at_several_places_has_its_weights_at_each(names):
    net = names.network()
    found = flow(net, names.dataset().test.x[:1]).stages
    weights = incoming(found[2], np.array([13]))[0]  # neuron 1 of the second pair of characters
    np.testing.assert_allclose(weights.reshape(2, 12)[1], net[2].weight.data[:, 1], rtol=1e-6)
    assert not weights.reshape(2, 12)[0].any()


def test_convolutions_and_pooling():
    gn.manual_seed(0)
    net = nn.Sequential(
        nn.Unflatten(1, (6, 6, 1)), nn.Conv2d(1, 2, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(8, 3)
    )
    net.task = "classification"
    x = np.random.default_rng(0).random((1, 36)).astype(np.float32)
    found = flow(net, x, np.array([1]))
    assert [[type(part.layer).__name__ for part in stage.parts] for stage in found.stages] == [
        [],
        ["Conv2d", "ReLU"],
        ["MaxPool2d"],
        ["Linear"],
    ]
    kernel = incoming(found.stages[1], np.array([11]))[0].reshape(6, 6)  # row 1, column 1, channel 1
    np.testing.assert_allclose(kernel[1:4, 1:4], net[1].weight.data[:, :, 0, 1], rtol=1e-5)
    assert np.count_nonzero(kernel) == 9


def test_what_a_program_computes_between_layers_is_a_column_of_its_own():
    class Net(nn.Module):
        def __init__(self):
            self.a, self.b = nn.Linear(3, 4), nn.Linear(4, 2)

        def forward(self, x):
            return self.b(self.a(x).sin()) * 2.0

    x = np.ones((1, 3), np.float32)
    net = Net()
    stages = flow(net, x).stages
    assert [stage.path for stage in stages] == ["", "a", "", "b", ""]
    np.testing.assert_array_equal(stages[2].out.data, np.sin(stages[1].out.data))
    np.testing.assert_array_equal(stages[4].out.data, net(x).data)


def test_of_large_layers_a_sample_is_shown():
    assert shown(MOST).tolist() == list(range(MOST))
    chosen = shown(1000)
    assert len(chosen) == MOST
    assert (chosen[0], chosen[-1]) == (0, 999)
    assert len(set(np.diff(chosen))) <= 2


def test_bytes_say_what_they_mean():
    import base64

    found = packed(np.array([-2.0, 0.0, 1.0, np.nan]), signed=True)
    levels = np.frombuffer(base64.b64decode(found["bytes"]), np.int8)
    assert (levels * found["scale"] / 127).tolist() == pytest.approx([-2, 0, 1, 0], abs=0.01)
    assert packed(np.zeros(2))["scale"] == 0
    assert digits([-0.0, 1 / 3], 3) == [0.0, 0.333]
    assert str(digits([-0.0])[0]) == "0.0"


@pytest.mark.parametrize("arrays", [{"0/weight": np.zeros(3)}, {"0/0.weight": np.zeros((2, 2), np.float32)}])
def test_snapshots_of_another_network_are_an_error(tmp_path, arrays):
    fit_digits(tmp_path / "run", steps=2)
    write_arrays(tmp_path / "run" / SNAPSHOTS, arrays, {})
    with pytest.raises(CheckpointError):
        answer(SavedRun(tmp_path / "run"), "flow", epoch=0)


def test_a_link_is_no_file_of_the_run(tmp_path):
    fit_digits(tmp_path / "run", steps=2)
    (tmp_path / "run" / SNAPSHOTS).unlink(missing_ok=True)
    (tmp_path / "run" / SNAPSHOTS).symlink_to(tmp_path / "run" / "config.json")
    with pytest.raises(CheckpointError, match="is a link"):
        answer(SavedRun(tmp_path / "run"), "network")


def test_a_run_in_memory_shows_the_same(tmp_path):
    run = fit_digits(tmp_path / "run", steps=None, epochs=1)
    for one in (FinishedRun(run), FinishedRun(gn.Run.load(tmp_path / "run"))):
        assert answer(one, "network") == answer(SavedRun(tmp_path / "run"), "network")
        assert answer(one, "flow", row=2, epoch=0) == answer(SavedRun(tmp_path / "run"), "flow", row=2, epoch=0)


@pytest.mark.parametrize("panel", ["network", "flow", "neuron", "backprop"])
def test_a_report_holds_a_choice(seen, names, panel):
    for run in (seen, names):
        queries = list(PANELS[panel].queries(run))
        assert len({tuple(sorted(query.items())) for query in queries}) == len(queries)
        size = sum(len(to_json(PANELS[panel].data(run, Query(query)))) for query in queries)
        assert size < 1_300_000
    if panel == "flow":
        assert {query["row"] for query in queries} >= {str(one["row"]) for one in answer(names, "network")["offered"]}
