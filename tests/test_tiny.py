"""The whole library in 200 lines: a tour from one number to a saved network.

Each test is a station of the tour and needs only the stations before it: where it breaks first, look first.
"""

import math

import numpy as np
import pytest

import glassnet as gn
from glassnet import data, models, nn, optim, train

pytestmark = pytest.mark.smoke


def test_1_a_number_knows_how_it_was_computed():
    a, b = gn.tensor(2.0, requires_grad=True), gn.tensor(-3.0, requires_grad=True)
    c = a * b + a
    assert c.item() == -4.0
    assert c.node.operation.name == "add"
    assert [t.item() for t in gn.topological_order(c)[-2:]] == [-6.0, -4.0]
    c.backward()
    assert (a.grad, b.grad) == (-2.0, 2.0)  # b + 1, and a


def test_2_arrays_broadcast_and_gradients_come_back_in_shape():
    w, b = gn.tensor(np.ones((3, 2)), "float32", requires_grad=True), gn.tensor([0.5, -0.5], requires_grad=True)
    out = (np.eye(4, 3) @ w + b).tanh().mean()  # (4, 3) @ (3, 2) + (2,)
    out.backward()
    assert w.grad.shape == (3, 2)
    assert b.grad.shape == (2,)
    assert w.grad.dtype == np.float32
    assert gn.gradcheck(lambda w, b: (np.eye(4, 3) @ w + b).tanh().mean(), w, b)


def test_3_gradient_descent_by_hand():
    w = gn.tensor(3.0, requires_grad=True)
    for _ in range(50):
        loss = (w - 1.0) ** 2
        w.grad = None
        loss.backward()
        with gn.no_grad():
            w -= 0.2 * w.grad
    assert w.item() == pytest.approx(1.0, abs=1e-4)


LAYERS = {  # input shape, layers, output shape
    "linear": ((4, 3), [nn.Linear(3, 5)], (4, 5)),
    "embedding": ((4, 8), [nn.Embedding(27, 6)], (4, 8, 6)),
    "one-hot": ((4, 8), [nn.OneHot(27)], (4, 8, 27)),
    "wavenet": ((4, 8), [nn.Embedding(27, 6), nn.FlattenConsecutive(2), nn.Linear(12, 5)], (4, 4, 5)),
    "sequence": ((4, 8, 3), [nn.Conv1d(3, 5, 2, causal=True), nn.MaxPool1d(2), nn.AvgPool1d(2)], (4, 2, 5)),
    "image": ((4, 6, 6, 1), [nn.Conv2d(1, 4, 3), nn.MaxPool2d(2), nn.BatchNorm2d(4), nn.AvgPool2d(2)], (4, 1, 1, 4)),
    "reshape": ((4, 36), [nn.Unflatten(1, (6, 6, 1)), nn.Flatten()], (4, 36)),
    "norms": ((4, 6, 8), [nn.BatchNorm1d(8), nn.LayerNorm(8), nn.GroupNorm(2, 8), nn.InstanceNorm(8)], (4, 6, 8)),
    "dropout": ((4, 8), [nn.Dropout(0.5)], (4, 8)),
    "activations": ((4, 8), [nn.ReLU(), nn.LeakyReLU(), nn.ELU(), nn.GELU(), nn.SiLU(), nn.Softplus()], (4, 8)),
    "outputs": ((4, 8), [nn.Tanh(), nn.Sigmoid(), nn.Softmax(), nn.LogSoftmax()], (4, 8)),
}


@pytest.mark.parametrize("name", LAYERS)
def test_4_layers_become_networks(name):
    shape, layers, expected = LAYERS[name]
    net = nn.Sequential(*layers)
    random = np.random.default_rng(0)
    x = random.integers(0, 27, shape) if net.takes_indices else random.standard_normal(shape, np.float32)
    out = net(x)
    assert out.shape == expected
    assert out.dtype == np.float32
    if list(net.parameters()):
        (out * out).sum().backward()
        assert all(parameter.grad.shape == parameter.shape for parameter in net.parameters())
    again = nn.from_config(nn.to_config(net))
    again.load_state_dict(net.state_dict())
    assert repr(again) == repr(net)


LOSSES = [  # loss, outputs, targets, value
    (nn.CrossEntropyLoss(), [[0.0, 0.0], [0.0, 0.0]], [0, 1], math.log(2)),
    (nn.NLLLoss(), [[-1.0, -2.0], [-3.0, -4.0]], [0, 1], 2.5),
    (nn.BCEWithLogitsLoss(), [0.0, 0.0], [0.0, 1.0], math.log(2)),
    (nn.MSELoss(), [1.0, 2.0], [3.0, 2.0], 2.0),
    (nn.L1Loss(), [1.0, 2.0], [3.0, 2.0], 1.0),
    (nn.HuberLoss(), [1.0, 2.0], [3.0, 2.0], 0.75),
]


@pytest.mark.parametrize(("loss", "outputs", "targets", "value"), LOSSES)
def test_5_losses_compare_outputs_with_targets(loss, outputs, targets, value):
    assert loss(gn.tensor(outputs), targets).item() == pytest.approx(value)


OPTIMIZERS = [
    lambda p: optim.SGD(p, lr=0.1),
    lambda p: optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True, weight_decay=1e-3),
    lambda p: optim.RMSprop(p, lr=0.05),
    lambda p: optim.Adam(p, lr=0.1),
    lambda p: optim.AdamW(p, lr=0.1),
]


@pytest.mark.parametrize("make", OPTIMIZERS)
def test_6_optimizers_make_the_loss_small(make):
    x = np.random.default_rng(0).standard_normal((64, 3))
    net, wanted = nn.Linear(3, 1), x @ [[1.0], [-2.0], [0.5]] + 3.0
    optimizer = make(net.parameters())
    for _ in range(100):
        loss = nn.functional.mse_loss(net(x), wanted) + nn.L2Penalty(1e-6)(net)
        optimizer.zero_grad()
        loss.backward()
        optim.clip_grad_norm_(net.parameters(), 10.0)
        optimizer.step()
    assert loss.item() < 0.02


def test_7_schedules_move_the_learning_rate():
    optimizer = optim.SGD(nn.Linear(2, 2).parameters(), lr=1.0)
    schedules = [optim.LinearLR(optimizer, 0.5, total_iters=2), optim.CosineAnnealingLR(optimizer, T_max=2)]
    schedule = optim.SequentialLR(optimizer, schedules, milestones=[2])
    rates = [optimizer.lr]
    for _ in range(4):
        schedule.step()
        rates.append(optimizer.lr)
    assert rates == pytest.approx([0.5, 0.75, 1.0, 0.5, 0.0])


def test_8_data_come_in_splits_and_batches():
    digits, names = data.load("digits"), data.load("names")
    assert [len(split) for split in digits.splits.values()] == [7500, 500, 2000]
    assert names.vocabulary.decode(names.train.x[0]) == "..."
    epoch = [yb.numpy() for _, yb in data.batches(digits.train, 100, seed=0, epoch=3)]
    assert len(epoch) == 75
    assert np.bincount(np.concatenate(epoch)).tolist() == np.bincount(digits.train.y).tolist()


RANDOM = np.random.default_rng(0)
X = RANDOM.standard_normal((300, 4)).astype(np.float32)
FLOWERS = data.from_arrays(X, (X[:, 0] > 0).astype(int) + (X[:, 1] > 0), validation=0.2, name="flowers")


def fit(folder, epochs=8, **options):
    gn.manual_seed(0)
    net = models.mlp(4, [16], 3, batch_norm=True, dropout=0.1)
    optimizer = optim.AdamW(net.parameters(), lr=0.02)
    schedule = optim.CosineAnnealingLR(optimizer, T_max=8 * 8)
    how = {"loss": nn.CrossEntropyLoss(), "optimizer": optimizer, "schedule": schedule, "progress": False, **options}
    return gn.fit(net, FLOWERS, epochs=epochs, folder=folder, **how)


def test_9_fit_trains_saves_and_resumes_to_the_same_bits(tmp_path):
    run = fit(tmp_path / "whole", callbacks=[gn.EarlyStopping(patience=8)])
    assert run.history["val_accuracy"][-1] > 0.8
    fit(tmp_path / "half", epochs=4)
    resumed = fit(tmp_path / "half", resume=True)
    for name, array in run.net.state_dict().items():
        assert (array == resumed.net.state_dict()[name]).all()
    loaded = gn.Run.load(tmp_path / "whole")
    assert (loaded.net.predict(X) == run.net.predict(X)).all()
    assert loaded.history == run.history


def test_10_predict_evaluate_and_look_inside():
    run = fit(None, diagnostics=10)
    result = gn.evaluate(run.net, FLOWERS.val)
    assert result["accuracy"] == (run.net.predict(FLOWERS.val.x) == FLOWERS.val.y).mean()
    assert result.confusion.sum() == 60
    assert run.net.predict_proba(X[:5]).sum(1) == pytest.approx(1, abs=1e-6)
    assert run.net.summary((4,)).splitlines()[-1].split() == ["total", "147"]  # 4 * 16 + 2 * 16 + 16 * 3 + 3
    assert set(run.diagnostics.parameters) == {name for name, _ in run.net.named_parameters()}
    optimizer = optim.SGD(run.net.parameters(), lr=0.1)
    finder = gn.lr_find(run.net, FLOWERS, loss=nn.CrossEntropyLoss(), optimizer=optimizer, end=100.0)
    assert isinstance(finder, train.LRFinder)
    assert optimizer.lr == 0.1


def test_11_a_mistake_is_one_sentence_that_says_where_and_what_to_do():
    net = nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(16, 3))
    with pytest.raises(gn.ShapeError, match=r"layer 2 \(Linear 16 -> 3\) expected inputs with 16 features, got shape"):
        net(X)
