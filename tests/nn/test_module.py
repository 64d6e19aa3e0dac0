"""Module: finding its parts, state, summary, predictions, errors that name the layer."""

import copy

import numpy as np
import pytest

import glassnet as gn
from glassnet import nn
from glassnet.engine.scope import scope


class Net(nn.Module):
    def __init__(self):
        self.layers = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 10))
        self.norm = nn.BatchNorm1d(10)
        self.scale = nn.Parameter(np.ones(10, np.float32))

    def forward(self, x):
        return self.norm(self.layers(x)) * self.scale


def digits_net():
    return nn.Sequential(nn.Linear(784, 16), nn.ReLU(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 10))


def test_parts_are_found_by_path():
    net = Net()
    assert [name for name, _ in net.named_parameters()] == [
        "scale",
        "layers.0.weight",
        "layers.0.bias",
        "layers.2.weight",
        "layers.2.bias",
        "norm.weight",
        "norm.bias",
    ]
    assert [name for name, _ in net.named_buffers()] == ["norm.running_mean", "norm.running_var"]
    assert [path for path, _ in net.named_modules()] == ["", "layers", "layers.0", "layers.1", "layers.2", "norm"]


def test_shared_parts_are_found_once():
    layer = nn.Linear(4, 4)
    net = nn.Sequential(layer, nn.ReLU(), layer)
    assert len(list(net.parameters())) == 2
    assert "20" in net.summary().splitlines()[-1]


def test_modes_reach_every_part():
    net = Net()
    assert net.eval() is net
    assert not any(module.training for module in net.modules())
    assert all(module.training for module in net.train().modules())


def test_state_dict_is_a_copy_and_comes_back():
    net, other = Net(), Net()
    state = net.state_dict()
    state["scale"][:] = 7
    assert net.scale.data[0] == 1
    other.load_state_dict(net.state_dict())
    x = gn.tensor(np.random.default_rng(0).standard_normal((5, 8)).astype(np.float32))
    np.testing.assert_array_equal(net.eval()(x).data, other.eval()(x).data)


def test_a_wrong_state_is_refused_with_everything_that_is_wrong_and_nothing_changes():
    net = Net()
    before = net.state_dict()
    state = {**before, "scale": np.zeros(3), "extra": np.zeros(1), "layers.0.bias": np.full(16, 9.0)}
    del state["norm.bias"]
    with pytest.raises(gn.CheckpointError) as caught:
        net.load_state_dict(state)
    for words in ("missing: norm.bias", "unexpected: extra", "scale has shape (3,) where (10,) is needed"):
        assert words in str(caught.value)
    for name, array in net.state_dict().items():
        np.testing.assert_array_equal(array, before[name])


@pytest.mark.smoke
def test_errors_name_the_layer_by_its_path():
    net = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(16, 10))
    with pytest.raises(gn.ShapeError) as caught:
        net(gn.tensor(np.ones((100, 8), np.float32)))
    assert str(caught.value) == (
        "layer 2 (Linear 16 -> 10) expected inputs with 16 features, got shape (100, 32). "
        "Is the layer before it 32 wide? Use Linear(32, 10)."
    )
    with pytest.raises(gn.ShapeError, match=r"^layers\.0 \(Linear 8 -> 16\) expected"):
        Net()(gn.tensor(np.ones((4, 9), np.float32)))


def test_an_error_inside_of_forward_leaves_no_layer_behind():
    net = Net()
    with pytest.raises(gn.ShapeError):
        net(gn.tensor(np.ones((4, 9))))
    assert (gn.tensor(1.0, requires_grad=True) * 2).node.layer is None


def test_a_misspelt_attribute_is_named_with_the_nearest():
    with pytest.raises(AttributeError, match=r"Linear has no attribute 'wieght'\. Did you mean 'weight'\?"):
        _ = nn.Linear(2, 2).wieght


@pytest.mark.parametrize("value", [np.zeros((2, 2)), gn.tensor([[1.0, 2.0], [3.0, 4.0]])])
def test_a_parameter_is_not_replaced_by_something_that_is_not_trained(value):
    with pytest.raises(TypeError, match=r"Linear\.weight is a Parameter and would be lost"):
        nn.Linear(2, 2).weight = value


@pytest.mark.parametrize("value", [[nn.ReLU()], (nn.Parameter([1.0]),), {"a": nn.ReLU()}, [{"a": [nn.ReLU()]}]])
def test_parts_in_containers_that_would_not_be_found_are_refused(value):
    with pytest.raises(TypeError, match="would not be found"):
        nn.ReLU().parts = value


@pytest.mark.parametrize("use", [lambda net: list(net.parameters()), nn.Module.state_dict, nn.Module.eval])
def test_a_list_that_was_appended_to_is_refused_when_parts_are_looked_for(use):
    net = nn.ReLU()
    net.parts = []
    net.parts.append(nn.Linear(2, 2))
    with pytest.raises(TypeError, match=r"ReLU\.parts: modules and parameters in a list would not be found"):
        use(net)


def test_a_plain_tensor_that_asks_for_a_gradient_is_no_part():
    net = nn.ReLU()
    with pytest.raises(TypeError, match=r"ReLU\.scale: a plain tensor is not trained\. Write nn\.Parameter"):
        net.scale = gn.tensor(1.0, requires_grad=True)
    net.table, net.last = gn.tensor(1.0), nn.Parameter(2.0) * 2  # constants, and results that are kept to be looked at
    assert [name for name, _ in net.named_parameters()] == []


WEIGHTS = ["normal,", "std", "0.0505", "(relu,", "gain", "1.41)"]


def test_summary_has_paths_shapes_and_counts():
    lines = digits_net().summary((784,)).splitlines()
    assert lines[2].split() == ["0", "Linear", "784", "->", "16", "(N,", "16)", "12,560", *WEIGHTS]
    assert lines[-1].split() == ["total", "13,002"]
    names = nn.Sequential(nn.Embedding(27, 10), nn.Flatten(), nn.Linear(30, 27))
    assert "(N, 3, 10)" in names.summary((3,))
    assert "scale" not in Net().summary((8,))
    assert "(root)" in Net().summary((8,))
    with pytest.raises(gn.ConfigError, match=r"such as \(784,\), got 784"):
        digits_net().summary(784)


def test_hooks_see_inputs_and_output_until_they_are_removed():
    layer, seen = nn.ReLU(), []
    remove = layer.register_forward_hook(
        lambda module, inputs, output: seen.append((module, inputs[0].item(), output.item()))
    )
    layer(gn.tensor(-2.0))
    remove()
    layer(gn.tensor(3.0))
    assert seen == [(layer, -2.0, 0.0)]


def test_a_deep_copy_is_independent():
    net = Net()
    twin = copy.deepcopy(net)
    twin.scale.data = twin.scale.data + 1
    assert net.scale.data[0] == 1
    assert len(list(twin.parameters())) == 7


def test_sequential_is_a_list_of_layers():
    net = digits_net()
    assert len(net) == 5
    assert net[-1].out_features == 10
    assert net[:2][0] is net[0]
    with pytest.raises(gn.ConfigError, match=r"got ReLU in place 1. Write ReLU\(\)"):
        nn.Sequential(nn.Linear(2, 2), nn.ReLU)


def test_predictions_are_in_evaluation_mode_and_restore_what_they_found():
    net = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3))
    net.task = "classification"
    net[0].eval()
    x = np.random.default_rng(0).standard_normal((10, 4))  # float64 data
    proba = net.predict_proba(x, batch_size=3)
    assert proba.dtype == np.float32
    np.testing.assert_allclose(proba.sum(1), 1, rtol=1e-6)
    np.testing.assert_array_equal(net.predict(x), proba.argmax(1))
    assert (net.training, net[0].training, net[1].training) == (True, False, True)
    np.testing.assert_array_equal(net[1].running_mean.data, 0)
    net.task = "regression"
    assert net.predict(x).shape == (10, 3)


def test_predictions_refuse_what_they_cannot_answer():
    net = nn.Linear(4, 3)
    with pytest.raises(gn.ConfigError, match="needs to know what the outputs mean"):
        net.predict(np.ones((1, 4)))
    net.task = "regression"
    with pytest.raises(gn.ConfigError, match="for classifiers"):
        net.predict_proba(np.ones((1, 4)))
    with pytest.raises(gn.DataError, match="finite"):
        net.predict(np.full((1, 4), np.nan))
    with pytest.raises(gn.DataError, match="at least one row"):
        net.predict(np.ones((0, 4)))


def test_configurations_make_equal_networks():
    net = nn.Sequential(
        nn.Embedding(27, 10), nn.Flatten(), nn.Linear(30, 8, bias=False), nn.BatchNorm1d(8, momentum=0.2), nn.Tanh(),
        nn.Linear(8, 4, nonlinearity="relu"), nn.ReLU(), nn.Sequential(nn.Linear(4, 3), nn.Sigmoid()), nn.Softmax(),
    )  # fmt: skip
    twin = nn.from_config(nn.to_config(net))
    assert repr(twin) == repr(net)
    assert nn.to_config(twin) == nn.to_config(net)
    twin.load_state_dict(net.state_dict())


@pytest.mark.parametrize(
    "config",
    [
        {"layer": "os.system"},
        {"layer": "Linear", "in_features": 3},
        {"layer": "Linear", "in_features": 10**6, "out_features": 10**6},
        {"layer": "Linear", "in_features": -1, "out_features": 2},
        {"layer": ["Linear"]},
        [],
    ],
)
def test_configurations_that_are_no_layer_are_refused(config):
    with pytest.raises(gn.CheckpointError):
        nn.from_config(config)


def test_a_network_of_ones_own_is_no_configuration():
    with pytest.raises(gn.ConfigError, match="Net cannot be written"):
        nn.to_config(Net())


def test_a_module_list_is_found_and_trained():
    class Tower(nn.Module):
        def __init__(self):
            self.layers = nn.ModuleList(nn.Linear(3, 3) for _ in range(2))
            self.layers.append(nn.Linear(3, 2))

        def forward(self, x):
            for layer in self.layers:
                x = layer(x).tanh()
            return x

    tower = Tower()
    assert [name for name, _ in tower.named_parameters()][-2:] == ["layers.2.weight", "layers.2.bias"]
    assert tower([[1.0, 2.0, 3.0]]).shape == (1, 2)
    assert len(tower.layers) == 3
    assert tower.layers[-1].out_features == 2
    assert [layer.out_features for layer in tower.layers[1:]] == [3, 2]
    tower.layers[0] = nn.Linear(3, 3, bias=False)
    assert len(list(tower.parameters())) == 5
    with pytest.raises(gn.ConfigError, match="ModuleList takes layers, got 3 in place 3"):
        tower.layers.append(3)


def test_a_notebook_shows_the_layers():
    html = nn.Sequential(nn.Linear(2, 3), nn.Tanh())._repr_html_()
    assert "<caption>Sequential</caption>" in html
    assert "Linear 2 -&gt; 3" in html
    assert ">9</th>" in html


def test_lists_and_arrays_enter_a_network():
    net = nn.Sequential(nn.Linear(2, 3), nn.Tanh())
    assert net([[1.0, 2.0]]).shape == net(np.ones((1, 2))).shape == (1, 3)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("x", [[[0.1, 0.2]], np.array([[0.1, 0.2]]), np.array([[0.1, 0.2]], np.float32)])
def test_what_enters_takes_the_type_of_the_parameters_or_of_the_tensor_beside_it(x, dtype):
    net = nn.Linear(2, 2).to(dtype)
    out = net(x)
    assert out.dtype == dtype
    assert nn.MSELoss()(out, x).dtype == dtype
    assert nn.Tanh()(x).dtype == (np.asarray(x).dtype if isinstance(x, np.ndarray) else np.float32)


def test_numbers_of_a_list_are_exact_in_float64():
    assert nn.MSELoss()(gn.tensor([0.1], "float64"), [0.1]).item() == 0


def test_what_cannot_enter_leaves_no_layer_behind():
    with pytest.raises(gn.DataError, match=r"Linear 2 -> 2 expected numbers, got list"):
        nn.Linear(2, 2)([["a", "b"]])
    assert scope.layer is None


def test_arrays_that_enter_take_the_type_of_the_network_or_of_the_tensors_beside_them():
    net, x = nn.Sequential(nn.Linear(2, 3)), np.full((1, 2), 0.1)  # float64
    assert net(x).dtype == np.float32
    assert nn.MSELoss()(net(x), np.zeros((1, 3))).dtype == np.float32
    assert net(gn.tensor(x)).dtype == np.float64  # a tensor decides for itself
    net.to("float64")
    assert net(x).dtype == net(x.tolist()).dtype == nn.MSELoss()(net(x), np.zeros((1, 3))).dtype == np.float64
    np.testing.assert_array_equal(net(x.tolist()).data, net(x).data)  # 0.1 was not rounded on the way
    embedding = nn.Embedding(3, 2)
    assert embedding([0, 2]).shape == (2, 2)


def test_a_layer_of_a_sequential_is_replaced():
    net = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 4))
    net[-1] = nn.Linear(3, 1)
    assert net([[1.0, 2.0]]).shape == (1, 1)
    assert [name for name, _ in net.named_parameters()][-2:] == ["2.weight", "2.bias"]
    net[0] = nn.Linear(2, 3)
    assert net[0].nonlinearity == "tanh"  # drawn for the activation that follows
    with pytest.raises(gn.ConfigError, match="Sequential takes layers, got 5 in place 1"):
        net[1] = 5
    with pytest.raises(IndexError):
        net[3] = nn.ReLU()


def test_forward_takes_options_by_name():
    class Gate(nn.Module):
        def forward(self, x, *, scale=1.0):
            return x * scale

    assert Gate()(gn.tensor(3.0), scale=2.0).item() == 6.0
    assert [type(child) for child in nn.Sequential(nn.ReLU(), nn.Tanh()).children()] == [nn.ReLU, nn.Tanh]


def test_markup_in_a_description_is_shown_as_text():
    class Script(nn.Module):
        def extra_repr(self):
            return "<script>alert('&')</script>"

    html = nn.Sequential(Script())._repr_html_()
    assert "<script>" not in html
    assert "&lt;script&gt;alert(&#x27;&amp;&#x27;)&lt;/script&gt;" in html
