"""The closed list of what the doctor can find: for each code its family, what it means, and why it matters."""

from __future__ import annotations

from typing import NamedTuple


class Code(NamedTuple):
    """A kind of finding."""

    family: str
    title: str
    why: str


_ROWS = {
    "data": {
        "nonfinite-input": ("the data holds NaN or infinity", "One such number makes every weight NaN in one step."),
        "unnormalised-inputs": (
            "inputs of very different scale, or far from 0",
            "One learning rate cannot suit weights whose gradients differ a thousandfold.",
        ),
        "constant-feature": ("a feature that never changes", "It says nothing; its weights are a second bias."),
        "unscaled-targets": (
            "targets far from 0 or of a large scale",
            "The squared error grows with the square of the scale, and with it every gradient.",
        ),
        "unshuffled-data": (
            "rows come sorted by class",
            "Each batch pulls towards its own class, and the network forgets the others.",
        ),
        "class-imbalance": (
            "a rare class is hardly ever recognised",
            "The loss can be small while the class that may matter most is missed.",
        ),
        "label-noise": ("labels that disagree with all that is like them", "The network learns the mistakes by heart."),
        "labels-unrelated": (
            "the targets have nothing to do with the inputs",
            "Whatever falls in the training loss is learned by heart; new rows are guessed.",
        ),
        "conflicting-labels": ("equal inputs with different labels", "No network can be right about both."),
        "split-leak": ("rows of validation are in training", "The validation loss rewards learning by heart."),
        "target-leak": (
            "one feature gives the target away",
            "What is predicted is copied; where the feature is missing, nothing has been learned.",
        ),
        "split-shift": (
            "training and validation are distributed differently",
            "The validation loss says little about the training, and the other way round.",
        ),
    },
    "set-up": {
        "parameters-not-updated": ("a step changed no parameter", "Nothing is learned."),
        "parameter-not-in-optimizer": ("a parameter that no optimizer holds", "It stays at its random first values."),
        "detached-parameter": ("a parameter that the loss does not depend on", "It gets no gradient and never learns."),
        "stale-gradients": (
            "gradients of earlier steps are added to this one's",
            "Every step repeats all steps before it, and soon overshoots.",
        ),
        "trained-in-eval-mode": (
            "dropout or BatchNorm is in evaluation mode while training",
            "The network is trained as another one than it is meant to be.",
        ),
        "evaluated-in-train-mode": (
            "dropout or BatchNorm is in training mode while evaluating",
            "The evaluation is random, and worse than the network is.",
        ),
        "missing-nonlinearity": (
            "two linear layers with nothing between them",
            "Together they are one linear layer: the depth is lost.",
        ),
    },
    "initialisation": {
        "bad-initial-scale": (
            "activations grow or shrink from layer to layer at the start",
            "What reaches the last layer, and the gradient that reaches the first, is too large or nearly nothing.",
        ),
        "symmetric-initialization": (
            "units of a layer that are identical, and stay so",
            "However many they are, they compute one number.",
        ),
        "high-initial-loss": (
            "the first loss is far above that of knowing nothing",
            "The first steps only undo how sure the network is of wrong answers.",
        ),
    },
    "optimisation": {
        "nonfinite-loss": ("the loss became NaN or infinite", "Nothing after this step means anything."),
        "exploding-gradients": ("gradients that are far too large", "One such step undoes many good ones."),
        "vanishing-gradients": (
            "hardly any gradient reaches the first layers",
            "They stay as they were drawn, and the others work with noise.",
        ),
        "learning-rate-too-low": ("the weights hardly move", "It would take many times as many steps."),
        "learning-rate-too-high": ("steps that overshoot", "Each step jumps over the valley that it should go down."),
        "oscillating-loss": ("the loss swings", "Steps cancel each other instead of adding up."),
        "schedule-ends-early": (
            "the learning rate fell while the loss was still falling",
            "The rest of the training is spent standing still.",
        ),
        "ascending": ("the loss is made larger", "Training makes the network worse."),
        "over-regularised": (
            "the weights are pulled to 0 more than to the data",
            "The network cannot say what it has seen.",
        ),
        "stopped-early": ("the loss was still falling at the end", "More steps would give a better network for free."),
        "underfitting": ("not even the training rows are learned", "Something holds the network back."),
    },
    "activations": {
        "saturated-activations": (
            "units at the flat ends of their activation",
            "Where it is flat no gradient passes: they cannot learn.",
        ),
        "dead-units": ("units that are 0 for every row", "No gradient reaches them any more: they cannot come back."),
    },
    "normalisation": {
        "batchnorm-mismatch": (
            "BatchNorm behaves differently in evaluation",
            "What is validated and used is not what is trained.",
        ),
        "batchnorm-tiny-batch": ("too few values for BatchNorm", "Mean and variance of a few values are mostly noise."),
        "redundant-bias": ("a bias straight before BatchNorm", "The normalisation subtracts it again."),
    },
    "generalisation": {
        "overfitting": (
            "validation gets worse while training gets better",
            "The network learns what is special about the training rows.",
        ),
    },
    "loss and head": {
        "probabilities-as-logits": (
            "probabilities are given to a loss that takes logits",
            "The softmax is taken twice: the loss cannot become small, and gradients are.",
        ),
        "wrong-loss": ("a loss that does not fit the targets", "What becomes small is not what is wanted."),
    },
}

CODES: dict[str, Code] = {
    code: Code(family, title, why) for family, rows in _ROWS.items() for code, (title, why) in rows.items()
}
"""What the doctor can find, by code."""
