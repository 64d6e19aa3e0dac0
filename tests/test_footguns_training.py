"""What surprises people in networks and their training, pinned down; test_footguns.py is about tensors."""

import math
from pathlib import Path

import numpy as np
import pytest

import glassnet as gn
from glassnet import data, nn, optim

F = nn.functional


def leaf(value):
    return gn.tensor(value, requires_grad=True)


# Losses


def test_large_logits_do_not_overflow():
    """log(softmax(x)) written out is -inf at large logits; the loss is not."""
    logits = leaf([[1e4, -1e4]])
    loss = F.cross_entropy(logits, [1])
    loss.backward()
    assert loss.item() == 2e4
    assert np.isfinite(logits.grad).all()


@pytest.mark.parametrize(
    ("targets", "words"),
    [
        ([3], "must be from 0 to 2, got 3"),  # counted from 1
        ([-1], "must be from 0 to 2, got -1"),  # Python's last; ignored elsewhere
        ([0.0], "must be whole numbers from 0 to 2, got type float32"),
        ([-100], "all 1 targets are -100, which is ignored: there is nothing to learn"),  # NaN in PyTorch
    ],
)
def test_labels_that_are_none_are_errors(targets, words):
    """Out of range they read foreign memory or wrap around; all ignored they are 0 / 0."""
    with pytest.raises(gn.DataError, match=words):
        F.cross_entropy(gn.tensor([[0.0, 0.0, 0.0]]), targets)


def test_a_softmax_before_cross_entropy_is_not_noticed_and_costs_dearly():
    """Cross-entropy takes logits. Of probabilities it is at least log(e + 9) - 1 = 1.46 for ten classes, however right
    the network is, and its gradients are small: a last layer nn.Softmax() is a mistake."""
    certain = np.eye(10, dtype=np.float32)[:1] * 1000
    assert F.cross_entropy(certain, [0]).item() == 0
    assert F.cross_entropy(F.softmax(certain), [0]).item() == pytest.approx(math.log(math.e + 9) - 1, abs=1e-6)


def test_a_loss_is_made_before_it_is_called():
    """nn.CrossEntropyLoss(outputs, targets) would take the outputs for class weights and return no number."""
    with pytest.raises(gn.ConfigError, match=r"CrossEntropyLoss\(\)\(outputs, targets\)"):
        nn.CrossEntropyLoss(gn.tensor([[0.0, 1.0]]), [1])
    with pytest.raises(gn.ConfigError, match=r"Write CrossEntropyLoss\(\)"):
        train(nn.Linear(2, 2), loss=nn.CrossEntropyLoss)


# Modules


class Late(nn.Module):
    def __init__(self):
        self.layers = []
        self.layers.append(nn.Linear(2, 2))

    def forward(self, x):
        return self.layers[0](x)


def test_modules_in_plain_lists_are_refused():
    """In PyTorch they are not found: not trained, not saved, not moved. Also in a list that was empty at first."""
    with pytest.raises(TypeError, match=r"Put modules into nn\.ModuleList"):
        nn.ReLU().layers = [nn.Linear(2, 2)]
    with pytest.raises(TypeError, match=r"Late\.layers: modules and parameters in a list would not be found"):
        optim.SGD(Late().parameters(), lr=0.1)


def test_a_forgotten_super_init_does_no_harm():
    """In PyTorch: 'cannot assign module before Module.__init__() call'."""

    class Net(nn.Module):
        def __init__(self):
            self.layer = nn.Linear(2, 2)

    assert [name for name, _ in Net().named_parameters()] == ["layer.weight", "layer.bias"]


def test_a_plain_tensor_is_no_parameter():
    """self.scale = gn.tensor(1.0, requires_grad=True) gets gradients, but no optimizer would see it."""
    with pytest.raises(TypeError, match=r"a plain tensor is not trained\. Write nn\.Parameter"):
        nn.ReLU().scale = leaf(1.0)


def test_a_parameter_is_not_overwritten_by_accident():
    """net.weight = array would take it from the optimizer; net.weight.data = array changes its values."""
    with pytest.raises(TypeError, match=r"Linear\.weight is a Parameter and would be lost"):
        nn.Linear(1, 1).weight = np.zeros((1, 1))


def test_misspelt_names_are_errors():
    """A misspelt attribute or hook is not None and not ignored."""
    with pytest.raises(AttributeError, match="Did you mean 'weight'"):
        _ = nn.Linear(1, 1).wieght
    with pytest.raises(TypeError, match="is no hook"):
        type("Mine", (gn.Callback,), {"on_epoch_ends": lambda self, loop: None})


def test_shared_weights_are_one_parameter():
    """Weight tying: counted, trained and updated once, with the gradients of both places."""
    shared = nn.Linear(2, 2, bias=False)
    net = nn.Sequential(shared, nn.Tanh(), shared)
    tied = nn.Sequential(nn.Linear(2, 2, bias=False), nn.Tanh(), nn.Linear(2, 2, bias=False))
    tied[2].weight = tied[0].weight
    for one in (net, tied):
        (weight,) = one.parameters()
        assert one.summary().splitlines()[-1].split() == ["total", "4"]
        assert optim.SGD(one.parameters(), lr=0.1).parameters == [weight]
        out = one([[0.5, -1.0]]).sum()
        out.backward()
        w = leaf(weight.data)
        ((gn.tensor([[0.5, -1.0]]) @ w).tanh() @ w).sum().backward()
        assert np.allclose(weight.grad, w.grad)


def test_a_batch_of_one_in_batch_norm():
    """Its variance is 0: training would give the bias whatever the input. An error, except in evaluation."""
    norm = nn.BatchNorm1d(2)
    with pytest.raises(gn.ShapeError, match="more than one value a channel in training"):
        norm([[1.0, 2.0]])
    assert norm.eval()([[1.0, 2.0]]).shape == (1, 2)


def test_batch_norm_depends_on_the_batch_until_eval():
    """A forgotten eval(): the answer for a row depends on the rows beside it, and the running statistics move, even
    under no_grad()."""
    norm = nn.BatchNorm1d(1)
    with gn.no_grad():
        alone, beside = norm([[1.0], [2.0]])[0].item(), norm([[1.0], [20.0]])[0].item()
    assert alone == pytest.approx(beside, abs=1e-3)  # -1 both times: the smaller of two, wherever they are
    moved = norm.running_mean.item()
    assert moved != 0
    norm.eval()
    assert norm([[1.0], [2.0]])[0].item() == norm([[1.0], [20.0]])[0].item()
    assert norm.running_mean.item() == moved


def test_dropout_in_evaluation_does_nothing():
    """And in training p is the share that is dropped, not kept; what is left is scaled up."""
    ones = np.ones(10_000, np.float32)
    assert (nn.Dropout(0.9).eval()(ones).data == 1).all()
    kept = nn.Dropout(0.9)(ones).data
    assert 0.08 < (kept > 0).mean() < 0.12
    assert kept.max() == pytest.approx(10)


def test_predict_restores_every_mode():
    """A part that was frozen with eval() is not trained after a prediction in the middle of a training."""
    net = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2), nn.Dropout())
    net[1].eval()
    net.task = "classification"
    net.predict([[1.0, 2.0]])
    assert [module.training for module in net.modules()] == [True, True, False, True]


def test_outputs_without_a_meaning_are_not_predicted():
    """Are two outputs two classes, or two quantities? Only the loss knows."""
    with pytest.raises(gn.ConfigError, match=r'net\.task = "classification"'):
        nn.Linear(2, 2).predict([[1.0, 2.0]])


# Optimizers, schedules, training


def train(net, **options):
    x = np.random.default_rng(0).standard_normal((40, 2)).astype(np.float32)
    optimizer = optim.SGD(net.parameters(), lr=0.1)
    defaults = {"loss": nn.CrossEntropyLoss(), "optimizer": optimizer, "epochs": 3, "progress": False, "folder": None}
    return gn.fit(net, (x, (x[:, 0] > 0).astype(int)), **{**defaults, **options})


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        (lambda w, net: [w, w], "the same parameter twice"),
        (lambda w, net: w, r"takes a list of parameters, got a tensor\. Pass \[tensor\]"),  # its elements are results
        (lambda w, net: [w * 1.0], "trains leaves, got what multiply computed"),
        (lambda w, net: net, r"Pass net\.parameters\(\)"),
        (lambda w, net: iter([]), "no parameters to train"),  # a generator that was used up
    ],
)
def test_what_an_optimizer_cannot_train_is_refused(parameters, words):
    """Otherwise steps are made and nothing moves, or everything twice as far."""
    with pytest.raises(gn.ConfigError, match=words):
        optim.SGD(parameters(leaf([1.0]), nn.Linear(1, 1)), lr=0.1)


def test_an_optimizer_of_another_network_is_refused():
    """A network that was rebuilt after its optimizer was made: the old weights would be trained."""
    with pytest.raises(gn.ConfigError, match="none of the network's parameters"):
        train(nn.Linear(2, 2), optimizer=optim.SGD(nn.Linear(2, 2).parameters(), lr=0.1))


def test_a_schedule_of_another_optimizer_is_refused():
    """It would move a learning rate that nobody reads."""
    other = optim.SGD(nn.Linear(2, 2).parameters(), lr=0.1)
    with pytest.raises(gn.ConfigError, match="schedule was made for another optimizer"):
        train(nn.Linear(2, 2), schedule=optim.ConstantLR(other))


def test_a_schedule_counts_steps_and_not_epochs():
    """scheduler.step() stands after each epoch in most PyTorch programs; here one step is one optimizer step."""
    net = nn.Linear(2, 2)
    optimizer = optim.SGD(net.parameters(), lr=1.0)
    run = train(net, optimizer=optimizer, schedule=optim.StepLR(optimizer, step_size=4, gamma=0.5), batch_size=10)
    assert run.steps == 12
    assert optimizer.lr == 0.5**3


def test_a_learning_rate_set_by_hand_gives_way_to_the_schedule():
    """The schedule is a function of the step and of where it started; it does not multiply what it finds."""
    optimizer = optim.SGD(nn.Linear(2, 2).parameters(), lr=1.0)
    schedule = optim.ExponentialLR(optimizer, gamma=0.5)
    optimizer.param_groups[0]["lr"] = 100.0
    schedule.step()
    assert optimizer.lr == 0.5


def test_fit_ends_with_the_best_weights_and_not_with_the_last():
    """With a validation part, the network is that of the best epoch; keep_best=False keeps the last."""
    rows = (np.random.default_rng(1).standard_normal((20, 2)), np.arange(20) % 2)
    for keep_best in (True, False):
        net = nn.Linear(2, 2)
        optimizer = optim.SGD(net.parameters(), lr=30.0)  # far too large: the last epochs are not the best
        run = train(net, validation=rows, optimizer=optimizer, epochs=6, keep_best=keep_best)
        losses = run.history["val_loss"]
        assert min(losses) < losses[-1]
        assert gn.evaluate(net, rows)["loss"] == pytest.approx(min(losses) if keep_best else losses[-1])


def test_fit_gives_the_network_back_in_the_mode_in_which_it_was():
    """Neither train() nor eval() is left behind."""
    for mode in (True, False):
        net = nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.1)).train(mode)
        train(net, validation=0.25)
        assert [module.training for module in net.modules()] == [mode] * 3


def test_the_same_order_in_each_epoch_of_a_loop_of_ones_own():
    """data.batches is a function of (seed, epoch): without the epoch, every epoch has the same order."""
    pair = (np.zeros(20), np.arange(20))
    first = [y.data.tolist() for _, y in data.batches(pair, 20, seed=0)]
    assert first == [y.data.tolist() for _, y in data.batches(pair, 20, seed=0)]
    assert first != [y.data.tolist() for _, y in data.batches(pair, 20, seed=0, epoch=1)]


def test_seeds():
    """The seed of fit orders the rows; the initial weights come from manual_seed and go on from network to network."""
    gn.manual_seed(1)
    a, b = nn.Linear(2, 2), nn.Linear(2, 2)
    gn.manual_seed(1)
    again = nn.Linear(2, 2)
    assert (a.weight.data == again.weight.data).all()
    assert (a.weight.data != b.weight.data).any()


def test_nan_in_the_data_is_an_error_before_the_first_step():
    """Elsewhere it becomes a NaN loss in some later epoch."""
    with pytest.raises(gn.DataError, match="row 1"):
        data.from_arrays([[0.0], [math.nan]], [[0.0], [1.0]])


# What the README says


def test_the_error_that_the_readme_shows_is_the_one_that_comes():
    """A README that promises another sentence."""
    net = nn.Sequential(nn.Linear(784, 32), nn.ReLU(), nn.Linear(16, 10))
    with pytest.raises(gn.ShapeError) as caught:
        net(np.zeros((100, 784)))
    readme = " ".join((Path(__file__).parent.parent / "README.md").read_text("utf-8").split())
    assert f"`{caught.value}`" in readme


def test_one_seed_makes_a_run_the_same_bit_for_bit():
    """The README says so; threads, dropout and the order of the rows must not differ."""

    def weights():
        gn.manual_seed(3)
        net = nn.Sequential(nn.Linear(2, 64), nn.ReLU(), nn.Dropout(0.2), nn.Linear(64, 2))
        train(net, seed=3)
        return [parameter.data.tobytes() for parameter in net.parameters()]

    assert weights() == weights()
