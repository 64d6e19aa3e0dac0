"""The chain rule in words: what each operation computes, and what its gradient is multiplied by on the way back.

These are texts for people. The numbers beside them come from the rows of the engine.
"""

from __future__ import annotations

from dataclasses import dataclass

from glassnet.nn import activation, conv, dropout, embedding, example_norm, linear, losses, norm, pool, reshape
from glassnet.nn.module import Module


@dataclass(frozen=True)
class Rule:
    """forward: what is computed. backward: of an operation, for each input the local derivative of the result ``out``
    by it; of a layer, the gradients in formulas, where ``g`` is the gradient by what the layer gives.
    """

    forward: str
    backward: tuple[str, ...]


#: The inputs are u and v.
OPERATIONS: dict[str, Rule] = {
    "add": Rule("u + v", ("1", "1")),
    "subtract": Rule("u − v", ("1", "−1")),
    "multiply": Rule("u · v", ("v", "u")),
    "divide": Rule("u / v", ("1 / v", "−u / v²")),
    "negate": Rule("−u", ("−1",)),
    "power": Rule("uᵛ", ("v · uᵛ⁻¹", "uᵛ · log u")),
    "exp": Rule("eᵘ", ("out",)),
    "log": Rule("log u", ("1 / u",)),
    "sqrt": Rule("√u", ("1 / (2 √u)",)),
    "abs": Rule("|u|", ("sign u",)),
    "sin": Rule("sin u", ("cos u",)),
    "cos": Rule("cos u", ("−sin u",)),
    "tanh": Rule("tanh u", ("1 − out²",)),
    "sigmoid": Rule("1 / (1 + e⁻ᵘ)", ("out · (1 − out)",)),
    "softplus": Rule("log(1 + eᵘ)", ("1 / (1 + e⁻ᵘ)",)),
    "relu": Rule("max(0, u)", ("1 if u > 0, else 0",)),
    "leaky_relu": Rule("u above 0, slope · u below", ("1 if u > 0, else the slope",)),
    "elu": Rule("u above 0, α (eᵘ − 1) below", ("1 if u > 0, else out + α",)),
    "gelu": Rule("u · P(X < u)", ("P(X < u) + u · density(u)",)),
    "silu": Rule("u · σ(u)", ("σ(u) + out · (1 − σ(u))",)),
    "sum": Rule("Σ u", ("1 for each element",)),
    "mean": Rule("Σ u / n", ("1 / n for each element",)),
}

#: g is the gradient of the loss by what the layer gives, x what comes in.
LAYERS: dict[type[Module], Rule] = {
    linear.Linear: Rule("x · W + b", ("∂L/∂x = g · Wᵀ", "∂L/∂W = xᵀ · g", "∂L/∂b = the rows of g, summed")),
    embedding.Embedding: Rule("row i of the table", ("∂L/∂table: g is added to row i",)),
    **dict.fromkeys(
        (conv.Conv1d, conv.Conv2d),
        Rule(
            "windows of x · W + b",
            ("∂L/∂x = g · Wᵀ, added up where windows overlap", "∂L/∂W = windowsᵀ · g", "∂L/∂b = Σ g"),
        ),
    ),
    activation.ReLU: Rule("max(0, x)", ("∂L/∂x = g where x > 0, else 0",)),
    activation.LeakyReLU: Rule("x above 0, slope · x below", ("∂L/∂x = g where x > 0, else slope · g",)),
    activation.ELU: Rule("x above 0, α (eˣ − 1) below", ("∂L/∂x = g where x > 0, else g · (out + α)",)),
    activation.GELU: Rule("x · P(X < x)", ("∂L/∂x = g · (P(X < x) + x · density(x))",)),
    activation.SiLU: Rule("x · σ(x)", ("∂L/∂x = g · (σ(x) + out · (1 − σ(x)))",)),
    activation.Softplus: Rule("log(1 + eˣ)", ("∂L/∂x = g / (1 + e⁻ˣ)",)),
    activation.Tanh: Rule("tanh x", ("∂L/∂x = g · (1 − out²)",)),
    activation.Sigmoid: Rule("1 / (1 + e⁻ˣ)", ("∂L/∂x = g · out · (1 − out)",)),
    activation.Softmax: Rule("eˣ / Σ eˣ", ("∂L/∂x = out · (g − Σ g · out)",)),
    activation.LogSoftmax: Rule("x − log Σ eˣ", ("∂L/∂x = g − softmax(x) · Σ g",)),
    norm.BatchNorm1d: Rule(
        "(x − mean) / √(variance + ε) · gain + shift",
        ("∂L/∂x = g · gain / √(variance + ε)", "∂L/∂gain = g · (x − mean) / √(variance + ε)", "∂L/∂shift = g"),
    ),
    example_norm.ExampleNorm: Rule(
        "(x − mean) / √(variance + ε) · gain + shift, of each example",
        ("∂L/∂x: through x itself, and through the mean and the variance, which depend on it",),
    ),
    dropout.Dropout: Rule("x: nothing is dropped in use", ("∂L/∂x = g",)),
    **dict.fromkeys(
        (pool.MaxPool1d, pool.MaxPool2d),
        Rule("the largest of each window", ("∂L/∂x = g where x was the largest, else 0",)),
    ),
    **dict.fromkeys(
        (pool.AvgPool1d, pool.AvgPool2d),
        Rule("the mean of each window", ("∂L/∂x = g, shared equally by the window",)),
    ),
    **dict.fromkeys(
        (reshape.Flatten, reshape.FlattenConsecutive, reshape.Unflatten),
        Rule("the same numbers in another shape", ("∂L/∂x = g in the shape of x",)),
    ),
    losses.CrossEntropyLoss: Rule("−log softmax(x) of the right class", ("∂L/∂x = softmax(x) − one-hot(target)",)),
    losses.MSELoss: Rule("(x − target)², the mean", ("∂L/∂x = 2 (x − target) / n",)),
    losses.BCEWithLogitsLoss: Rule("−log of the probability of what is right", ("∂L/∂x = (σ(x) − target) / n",)),
}


def local_rule(operation: str) -> Rule:
    """The rule of an operation; empty for one that has no short formula."""
    return OPERATIONS.get(operation, Rule("", ()))


def layer_rule(layer: Module) -> Rule:
    """The rule of a layer, or of the class that it is made of; empty for one that has no short formula."""
    return next((LAYERS[kind] for kind in type(layer).__mro__ if kind in LAYERS), Rule("", ()))
