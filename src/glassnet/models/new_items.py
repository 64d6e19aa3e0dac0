"""New items of a language model: samples that are not in its data."""

from __future__ import annotations

from typing import Any

from glassnet.data.dataset import Dataset
from glassnet.data.text import Vocabulary
from glassnet.engine.errors import ConfigError
from glassnet.models.sampling import LONGEST, Samples, sample
from glassnet.nn.module import Module


def vocabulary_of(dataset: Dataset) -> Vocabulary:
    """The characters of a text. Raises ConfigError for a data set that is none."""
    if dataset.vocabulary is None:
        raise ConfigError(f"a network of {dataset.name} is not a language model: there is nothing to sample.")
    return dataset.vocabulary


def new_items(net: Module, dataset: Dataset, count: int, *, allow_known: bool = False, **options: Any) -> Samples:
    """Samples, none of which is in the data unless that is allowed; the options are those of ``models.sample``.

    Raises ConfigError for a data set that is no text.
    """
    vocabulary, known = vocabulary_of(dataset), items_of(dataset, "train", "val", "test")
    longest = max(LONGEST, *map(len, known))
    exclude = () if allow_known else known
    return sample(net, vocabulary, dataset.train.x.shape[1], count, exclude=exclude, longest=longest, **options)


def items_of(dataset: Dataset, *splits: str) -> set[str]:
    """The items of some splits of a text."""
    return {item for name in splits if name in dataset.splits for item in dataset.splits[name].items or ()}
