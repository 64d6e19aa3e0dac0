"""Names that do not exist: the error says how the thing is written here."""

import copy

import numpy as np
import pytest

import glassnet as gn
from glassnet import nn, optim
from glassnet.engine.hints import TENSOR


@pytest.mark.parametrize(
    ("owner", "name", "words"),
    [
        (gn.tensor(1.0), "view", r"Tensor has no attribute 'view'. Write x.reshape\(...\)."),
        (gn.tensor(1.0), "tolist", r"Write x.data.tolist\(...\), which is NumPy's"),
        (gn.tensor(1.0), "reshap", "Did you mean 'reshape'?"),
        (gn.tensor(1.0), "zzz", "Tensor has no attribute 'zzz'.$"),
        (gn, "cat", r"glassnet has no attribute 'cat'. Write glassnet.concatenate\(tensors\)"),
        (gn, "zeros", r"Write glassnet.tensor\(np.zeros\(...\)\)"),
        (gn, "softmax", r"Write x.softmax\(...\)"),
        (gn, "tensr", "Did you mean 'tensor'?"),
        (nn, "BCELoss", "BCEWithLogitsLoss"),
        (nn, "InstanceNorm2d", "Did you mean 'InstanceNorm'?"),
        (optim, "lr_scheduler", "the schedules are in optim itself"),
        (optim, "RMSProp", "Did you mean 'RMSprop'?"),
        (nn.ReLU(), "register_buffer", r"Write self.name = nn.Buffer\(array\)"),
    ],
)
def test_a_name_from_elsewhere_leads_to_the_one_here(owner, name, words):
    with pytest.raises(AttributeError, match=words):
        getattr(owner, name)


def test_no_hint_stands_for_a_name_that_exists():
    assert not [name for name in TENSOR if hasattr(gn.Tensor, name)]


def test_tensors_are_still_copied_and_read_by_numpy():
    x = gn.tensor([1.0, 2.0], requires_grad=True)
    assert copy.deepcopy(x).requires_grad
    assert np.asarray(x).tolist() == [1.0, 2.0]


def test_a_single_number_is_formatted_and_counts():
    loss = gn.tensor(0.12345, requires_grad=True)
    assert f"{loss:.3f}" == "0.123"
    assert f"{loss}" == repr(loss)
    assert ["a", "b", "c"][gn.tensor([0.0, 2.0, 1.0]).argmax()] == "b"
    with pytest.raises(TypeError, match="cannot be interpreted as an integer"):
        range(gn.tensor(2.0))
    with pytest.raises(gn.ShapeError, match="one element"):
        format(gn.tensor([1.0, 2.0]), ".2f")


def test_masks_are_joined():
    x = gn.tensor([-1.0, 0.5, 2.0], requires_grad=True)
    assert ((x > 0) & (x < 1)).data.tolist() == [False, True, False]
    assert ((x < 0) | (x > 1)).data.tolist() == [True, False, True]
    assert (~(x > 0)).data.tolist() == [True, False, False]
    x[(x > 0) & ~(x > 1)].sum().backward()
    assert x.grad.tolist() == [0.0, 1.0, 0.0]
    with pytest.raises(gn.ShapeError, match=r"shapes \(3,\) and \(2,\)"):
        _ = (x > 0) & np.array([True, False])
