"""The pictures drawn by matplotlib: what is drawn is read back from the figure."""

import numpy as np
import pytest

import glassnet as gn
from glassnet import data, models, nn, optim, plots

matplotlib = pytest.importorskip("matplotlib")

RANDOM = np.random.default_rng(0)


def texts(axis):
    return [text.get_text() for text in axis.texts]


# The table of bigrams


def test_bigrams_have_their_counts_and_names_in_the_cells():
    counts = np.array([[0, 9, 1], [4, 0, 100], [7, 2, 3]])
    (axis,) = plots.bigram(counts, ".ab").axes
    written = {(round(t.get_position()[0]), round(t.get_position()[1])): [] for t in axis.texts}
    for text in axis.texts:
        x, y = text.get_position()
        written[round(x), round(y)].append(text.get_text())
    assert written == {(j, i): [".ab"[i] + ".ab"[j], str(counts[i, j])] for i in range(3) for j in range(3)}
    shade = axis.images[0].get_array()
    assert (np.argsort(shade, axis=None) == np.argsort(counts, axis=None)).all()
    assert shade.max() == 1
    assert [t.get_text() for t in axis.get_xticklabels()] == [t.get_text() for t in axis.get_yticklabels()] == [*".ab"]
    assert (axis.get_xlabel(), axis.get_ylabel()) == ("next character", "character")
    assert axis.get_title() == "126 pairs, 7 of 9 occur"
    dark = next(text for text in axis.texts if text.get_text() == "ab" and text.get_color() == "white")
    assert dark.get_position()[0] == 2


def test_large_tables_of_bigrams_have_no_numbers_and_strange_characters_are_drawn_as_they_are():
    size = 50
    figure = plots.bigram(np.ones((size, size), int), [chr(0x100 + i) for i in range(size)])
    assert texts(figure.axes[0]) == []
    strange = plots.bigram(np.zeros((2, 2), int), [".", "$"])
    assert "$$" in texts(strange.axes[0])
    assert not any(text.get_parse_math() for text in strange.axes[0].texts[::2])  # "$$" is no mathematics
    assert not any(label.get_parse_math() for label in strange.axes[0].get_xticklabels())


@pytest.mark.parametrize(
    ("counts", "characters", "message"),
    [
        (np.zeros((3, 2), int), ".ab", r"for 3 characters has shape \(3, 3\), got \(3, 2\)"),
        (np.zeros((0, 0), int), "", "for 0 characters"),
        (np.zeros((2, 2)), ".a", "whole numbers from 0"),
        (np.array([[1, -1], [0, 0]]), ".a", "whole numbers from 0"),
    ],
)
def test_what_is_no_table_of_bigrams(counts, characters, message):
    with pytest.raises(gn.ConfigError, match=message):
        plots.bigram(counts, characters)


def test_counts_draw_themselves(tmp_path):
    vocabulary = data.Vocabulary.from_items(["ava"])
    table = models.NGram(vocabulary).fit(*data.contexts(["ava", "av"], vocabulary, 1))
    axis = table.plot(tmp_path / "bigram.png").axes[0]
    assert (tmp_path / "bigram.png").read_bytes().startswith(b"\x89PNG")
    assert texts(axis)[:6] == ["..", "0", ".a", "2", ".v", "0"]
    longer = models.NGram(vocabulary, 2).fit(*data.contexts(["ava"], vocabulary, 2))
    with pytest.raises(gn.ConfigError, match="only a table with context 1 can be drawn; this one has context 2"):
        longer.plot()


# Embeddings


def test_an_embedding_of_two_columns_is_drawn_as_it_is():
    table = RANDOM.standard_normal((4, 2))
    (axis,) = plots.embedding(table, ".abe").axes
    np.testing.assert_allclose(axis.collections[0].get_offsets(), table)
    assert [(t.get_text(), t.get_position()) for t in axis.texts] == [
        (label, tuple(row)) for label, row in zip(".abe", table, strict=True)
    ]
    assert axis.get_xlabel() == "first column"
    colours = [text.get_color() for text in axis.texts]
    assert colours[1] == colours[3] != colours[0] == colours[2]  # vowels
    assert axis.get_title() == "embedding: 4 characters, 2 numbers each"


def test_a_wider_embedding_is_projected():
    table = RANDOM.standard_normal((30, 5)) * [0.1, 5.0, 0.2, 2.0, 0.1] + 3
    (axis,) = plots.embedding(table, [chr(97 + i) for i in range(30)]).axes
    points, shares = plots.principal_components(table, 2)
    np.testing.assert_allclose(axis.collections[0].get_offsets(), points)
    assert axis.get_xlabel() == f"first principal component ({shares[0]:.0%} of the variance)"
    assert axis.get_ylabel() == f"second principal component ({shares[1]:.0%} of the variance)"
    centred = table - table.mean(0)
    for i, column in enumerate((1, 3)):  # the two wide columns, whichever way they point
        assert abs(np.corrcoef(points[:, i], centred[:, column])[0, 1]) > 0.97


def test_principal_components_are_those_of_the_covariance():
    table = RANDOM.standard_normal((40, 6)) @ RANDOM.standard_normal((6, 6))
    points, shares = plots.principal_components(table, 3)
    values, vectors = np.linalg.eigh(np.cov(table.T))
    np.testing.assert_allclose(shares, values[::-1][:3] / values.sum())
    np.testing.assert_allclose(np.abs(points), np.abs((table - table.mean(0)) @ vectors[:, ::-1][:, :3]))
    np.testing.assert_allclose(points.mean(0), 0, atol=1e-12)
    again, _ = plots.principal_components(-table, 3)
    np.testing.assert_allclose(again, -points)  # the signs do not hang on the algorithm


def test_components_that_are_missing_are_zero():
    points, shares = plots.principal_components([[1.0, 2.0, 3.0]], 2)  # one row: no variance
    np.testing.assert_array_equal(points, np.zeros((1, 2)))
    np.testing.assert_array_equal(shares, [0, 0])


@pytest.mark.parametrize(
    ("table", "labels", "message"),
    [
        (np.zeros((3, 1)), "abc", r"a table \(3, at least 2\), got \(3, 1\)"),
        (np.zeros((3, 2)), "ab", r"an embedding of 2 labels .* got \(3, 2\)"),
        (np.zeros(3), "abc", r"got \(3,\)"),
        (np.array([[1.0, np.nan]]), "a", "NaN or infinity"),
        (np.array([[1.0, np.inf, 0.0]]), "a", "NaN or infinity"),
    ],
)
def test_what_is_no_embedding(table, labels, message):
    with pytest.raises(gn.ConfigError, match=message):
        plots.embedding(table, labels)
    if table.shape[-1] == 1:
        with pytest.raises(gn.ConfigError, match="2 principal components need a table"):
            plots.principal_components(table, 2)


# Inside of a batch


def network():
    gn.manual_seed(0)
    return nn.Sequential(
        nn.Linear(4, 6), nn.Tanh(), nn.Flatten(), nn.Linear(6, 5), nn.ReLU(), nn.Dropout(0.5), nn.Linear(5, 3)
    )


X = RANDOM.standard_normal((40, 4)).astype(np.float32)
Y = RANDOM.integers(0, 3, 40)


def test_histograms_show_every_value():
    values, gradient = RANDOM.standard_normal(1000), 1e-4 * RANDOM.standard_normal(1000)
    values[0] = 1e6  # counted in the outermost bin
    figure = plots.histograms({"0 Linear": values, "1 Tanh": np.full(10, 0.5)}, {"0 Linear": gradient})
    assert len(figure.axes) == 4
    for axis, drawn in zip(figure.axes, (values, gradient, np.full(10, 0.5)), strict=False):
        bars = axis.patches[0].get_data()
        assert bars.values.sum() == pytest.approx(1)
        middle = (bars.edges[1:] + bars.edges[:-1]) / 2
        if drawn is gradient:
            assert (bars.values * middle).sum() == pytest.approx(drawn.mean(), abs=np.diff(bars.edges)[0])
            assert f"std {drawn.std():.2g}" in axis.get_title(loc="left")
    assert figure.axes[0].get_title(loc="left").startswith("0 Linear: activations")
    assert figure.axes[1].get_title(loc="left").startswith("0 Linear: gradients")
    outermost = figure.axes[0].patches[0].get_data()
    assert outermost.values[-1] == 1 / 1000
    assert outermost.edges[-1] == pytest.approx(values.mean() + 5 * values.std())
    assert not figure.axes[3].axison  # there is no gradient


def test_histograms_say_what_is_not_finite():
    figure = plots.histograms({"a": np.array([1.0, 2.0, np.nan, np.inf]), "b": np.array([np.nan])}, {})
    assert figure.axes[0].get_title(loc="left") == "a: activations   mean 1.5, std 0.5, 2 not finite"
    assert figure.axes[0].patches[0].get_data().values.sum() == pytest.approx(0.5)
    assert figure.axes[2].get_title(loc="left") == "b: activations, 1 not finite"
    figure.canvas.draw()
    with pytest.raises(gn.ConfigError, match="at least one layer"):
        plots.histograms({}, {})


def test_saturation_is_white_and_a_unit_that_sleeps_is_counted():
    flat = RANDOM.random((30, 8)) < 0.3
    flat[:, 2] = True
    flat[0, 3:] = False
    figure = plots.saturation({"1 Tanh": flat, "3 Tanh": ~flat})
    first, second = figure.axes
    np.testing.assert_array_equal(first.images[0].get_array(), flat)
    np.testing.assert_array_equal(second.images[0].get_array(), ~flat)
    assert first.images[0].to_rgba(True) == (1, 1, 1, 1)
    assert first.images[0].to_rgba(False) != (1, 1, 1, 1)
    assert first.get_title(loc="left") == f"1 Tanh: {flat.mean():.1%} white, 1 of 8 units throughout"
    assert second.get_xlabel() == "unit"
    assert len(plots.saturation({"a": np.zeros((500, 3), bool)}).axes[0].images[0].get_array()) == 100


@pytest.mark.parametrize("flat", [np.zeros((3, 2)), np.zeros(3, bool), np.zeros((0, 2), bool)])
def test_what_is_no_saturation_map(flat):
    with pytest.raises(gn.ConfigError, match="1 Tanh: a saturation map is drawn from booleans"):
        plots.saturation({"1 Tanh": flat})


def test_a_network_is_looked_into_and_left_as_it_was():
    net = network().eval()
    net[1].train()
    before = {name: array.copy() for name, array in net.state_dict().items()}
    gn.manual_seed(5)
    expected = nn.Linear(3, 3).weight.data
    gn.manual_seed(5)
    look = gn.look_inside(net, (X, Y), loss=nn.CrossEntropyLoss(), batch_size=16, seed=3)
    np.testing.assert_array_equal(nn.Linear(3, 3).weight.data, expected)
    assert [module.training for module in net] == [False, True, False, False, False, False, False]
    assert all(p.grad is None for p in net.parameters())
    for name, array in net.state_dict().items():
        np.testing.assert_array_equal(array, before[name])
        np.testing.assert_array_equal(look.after[name], array)
    assert list(look.outputs) == list("0123456")
    before_dropout, after_dropout = (look.outputs[path][1].data for path in "45")
    assert ((after_dropout == 0) & (before_dropout > 0)).any()  # seen as in training
    x, y = data.batches((X, Y), 16, seed=3)[0]
    np.testing.assert_allclose(look.outputs["1"][1].data, np.tanh(x.numpy() @ before["0.weight"]), rtol=1e-5, atol=1e-6)
    logits = look.outputs["6"][1]
    difference = nn.functional.softmax(logits).numpy() - np.eye(3)[y.numpy()]
    np.testing.assert_allclose(logits.grad, difference / 16, atol=1e-6)


def test_a_look_draws_itself(tmp_path):
    net = network()
    net[3].bias.data = net[3].bias.data - np.array([0, 100, 0, 0, 0], np.float32)  # a dead unit
    look = gn.look_inside(net, (X, Y), loss=nn.CrossEntropyLoss())
    figure = look.plot_histograms(tmp_path / "histograms.png")
    labels = [axis.get_title(loc="left").split(":")[0] for axis in figure.axes[::2]]
    assert labels == ["0 Linear", "1 Tanh", "3 Linear", "4 ReLU", "5 Dropout", "6 Linear"]  # Flatten changes nothing
    tanh, relu = look.plot_saturation(tmp_path / "saturation.png").axes
    np.testing.assert_array_equal(tanh.images[0].get_array(), np.abs(look.outputs["1"][1].data) > 0.97)
    np.testing.assert_array_equal(relu.images[0].get_array(), look.outputs["4"][1].data <= 0)
    assert relu.images[0].get_array()[:, 1].all()
    assert (tmp_path / "saturation.png").exists()


def test_positions_are_rows_of_the_saturation_map():
    gn.manual_seed(0)
    net = nn.Sequential(nn.Embedding(5, 3), nn.Linear(3, 4), nn.Sigmoid(), nn.Flatten(), nn.Linear(8, 2))
    net.task = "classification"  # says which loss
    look = gn.look_inside(net, (RANDOM.integers(0, 5, (6, 2)), np.arange(6) % 2))
    assert {label: flat.shape for label, flat in look.flat_parts().items()} == {"2 Sigmoid": (12, 4)}


def test_a_look_needs_a_loss_and_something_that_saturates():
    with pytest.raises(gn.ConfigError, match=r"look_inside\(\) needs a loss"):
        gn.look_inside(network(), (X, Y))
    plain = gn.look_inside(nn.Linear(4, 3), (X, Y), loss=nn.CrossEntropyLoss())
    assert list(plain.outputs) == [""]
    assert plain.plot_histograms().axes[0].get_title(loc="left").startswith("Linear: activations")
    with pytest.raises(gn.ConfigError, match="needs a layer that saturates"):
        plain.plot_saturation()


# Updates


def test_update_ratios_are_drawn_over_the_steps(tmp_path):
    net = network()
    run = gn.fit(
        net,
        (X, Y),
        loss=nn.CrossEntropyLoss(),
        optimizer=optim.SGD(net.parameters(), lr=0.1),
        steps=9,
        batch_size=8,
        diagnostics=3,
        folder=None,
        progress=False,
    )
    axis = run.diagnostics.plot_updates(tmp_path / "updates.png").axes[0]
    lines = {line.get_label(): line for line in axis.lines}
    assert list(lines) == ["0.weight", "3.weight", "6.weight", "1/1000"]
    assert list(lines["3.weight"].get_xdata()) == [0, 3, 6]
    recorded = run.diagnostics.parameters["3.weight"]["update_to_data"]
    np.testing.assert_array_equal(lines["3.weight"].get_ydata(), recorded)
    assert list(lines["1/1000"].get_ydata()) == [-3, -3]
    assert axis.get_xlabel() == "step"
