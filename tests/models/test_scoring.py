"""How surprised a language model is by each character."""

import numpy as np
import pytest

import glassnet as gn
from glassnet.data import Vocabulary, contexts, load
from glassnet.models import NGram, character_losses, character_mlp


def test_the_losses_of_characters_add_up_to_the_loss_of_the_text():
    names = load("names")
    net = character_mlp(27, 3, hidden=[8]).eval()
    losses = character_losses(net, names.vocabulary, 3, "emma")
    x, y = contexts(["emma"], names.vocabulary, 3)
    net.task = "classification"
    np.testing.assert_allclose(losses, -np.log(net.predict_proba(x)[np.arange(5), y]), rtol=1e-5)
    assert losses.mean() == pytest.approx(gn.evaluate(net, (x, y))["loss"], rel=1e-6)


def test_what_never_occurred_has_an_infinite_loss():
    vocabulary = Vocabulary(("a", "b"))
    net = NGram(vocabulary, smoothing=0).fit(*contexts(["ab"], vocabulary, 1)).network()
    assert character_losses(net, vocabulary, 1, "ab").tolist() == [0, 0, 0]
    assert character_losses(net, vocabulary, 1, "aab").tolist() == [0, np.inf, 0, 0]


def test_an_unknown_character_is_refused():
    with pytest.raises(gn.DataError, match="holds the character 'E', which is not in the vocabulary"):
        character_losses(character_mlp(27, 3), load("names").vocabulary, 3, "Emma")
    with pytest.raises(gn.DataError, match="is empty"):
        character_losses(character_mlp(27, 3), load("names").vocabulary, 3, "")
