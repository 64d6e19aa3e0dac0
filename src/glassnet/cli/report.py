"""What ``glassnet train`` and ``glassnet evaluate`` print about a trained network."""

from __future__ import annotations

import math
import shutil
from collections.abc import Sequence

import numpy as np

from glassnet.api import evaluate
from glassnet.data.dataset import Dataset, Split
from glassnet.engine.namespace import Array
from glassnet.models import Samples
from glassnet.models.new_items import items_of
from glassnet.models.scoring import explain_infinite, losses
from glassnet.nn.module import Module
from glassnet.train.evaluation import mistakes

INK = " .:-=+*#%@"  # from background to ink
MOST_CLASSES = 20  # a larger confusion matrix is not legible in a terminal


def draw(image: Array) -> list[str]:
    """An image (height, width) of values from 0 to 1 as lines of text; two rows of pixels make one line."""
    rows = image[: len(image) // 2 * 2].reshape(-1, 2, image.shape[1]).mean(1)
    shades = np.clip((rows * len(INK)).astype(int), 0, len(INK) - 1)
    return ["".join(INK[shade] for shade in row) for row in shades]


def hardest_mistakes(net: Module, split: Split, shape: tuple[int, ...], names: Sequence[str], count: int = 4) -> str:
    """The wrongly classified images with the largest loss, drawn side by side."""
    probabilities = net.predict_proba(split.x)  # (N, K)
    predicted = probabilities.argmax(1)
    hardest = mistakes(probabilities, split.y)[:count]
    if not len(hardest):
        return "no mistakes"
    blocks = []
    for row in hardest:
        title = f"{names[split.y[row]]} taken for {names[predicted[row]]} ({probabilities[row].max():.0%})"
        blocks.append([title.ljust(shape[1]), *draw(split.x[row].reshape(shape))])
    return "\n\n".join(
        "\n".join("   ".join(lines) for lines in zip(*group, strict=True)) for group in _by_width(blocks)
    )


def _by_width(blocks: list[list[str]]) -> list[list[list[str]]]:
    """Blocks in groups that fit beside each other into the terminal."""
    room = max(1, (shutil.get_terminal_size().columns + 3) // (len(blocks[0][0]) + 3))
    return [blocks[i : i + room] for i in range(0, len(blocks), room)]


def test_text(net: Module, dataset: Dataset) -> str:
    """The loss and the metrics on the test split; for classes also the confusion matrix, for pictures the worst
    mistakes, for quantities the error in their units.
    """
    test = dataset.splits["test"]
    result = evaluate(net, dataset)
    text = f"test loss {result['loss']:.4f}"
    if "accuracy" in result:
        text += f"  test accuracy {result['accuracy']:.2%}"
    elif dataset.encoder is not None:  # the loss is the mean squared error of standardised numbers
        std = dataset.encoder.target_std
        text += f"  R2 {result['r2']:.4f}  in units of {dataset.encoder.target}: mean absolute error "
        text += f"{result['mae'] * std:.4g}, root mean squared error {math.sqrt(result['loss']) * std:.4g}"
    text += f"  ({len(test):,} rows)"
    if dataset.vocabulary is not None and math.isinf(result["loss"]):
        text += f"\n{explain_infinite(dataset.vocabulary, test.x, test.y, losses(net, test.x, test.y))}"
    if dataset.classes is None or len(dataset.classes) > MOST_CLASSES:
        return text
    text += f"\n\n{result.report()}"
    if dataset.input_shape is None:
        return text
    return f"{text}\n\nhardest mistakes\n{hardest_mistakes(net, test, dataset.input_shape, dataset.classes)}"


def known_text(samples: Samples, dataset: Dataset) -> str:
    """How many of the items that were drawn stand in the training data."""
    drawn = [*samples, *samples.left_out]
    known = sum(map(items_of(dataset, "train").__contains__, drawn))
    left_out = f"; {len(samples.left_out)} that are in the data were left out" if samples.left_out else ""
    return f"{known} of {len(drawn)} drawn ({known / len(drawn):.0%}) stand in the training data{left_out}"
