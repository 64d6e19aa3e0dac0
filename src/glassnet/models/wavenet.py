"""A network that fuses a context stage by stage, as a WaveNet does, in two forms with the same weights: a tree over one
context, and dilated causal convolutions over a text of any length
(van den Oord et al., WaveNet: a generative model for raw audio, 2016, https://arxiv.org/abs/1609.03499).
"""

from __future__ import annotations

from collections.abc import Sequence

from glassnet.engine.errors import ConfigError
from glassnet.engine.options import integer_option
from glassnet.engine.tensor import Tensor
from glassnet.models.mlp import hidden_layers
from glassnet.nn import Embedding, FlattenConsecutive, Linear, Module, Sequential, functional


def stage_count(context: int, fan_in: int) -> int:
    """How many stages fuse a context: k for ``fan_in ** k`` characters. Raises ConfigError if it is no power."""
    wanted, base = integer_option("context", context, 1), integer_option("fan-in", fan_in, 2)
    stages, length = 1, base
    while length < wanted:
        stages, length = stages + 1, length * base
    if length != wanted:
        shorter = f"{length // base} or " if stages > 1 else ""
        raise ConfigError(
            f"a WaveNet-like network needs a context that is a power of its fan-in {base}, got {wanted}. "
            f"Use {shorter}{length}."
        )
    return stages


def stage_widths(hidden: Sequence[int], stages: int) -> list[int]:
    """The width of each stage, of which one is given for all, or one for each. Raises ConfigError for another count."""
    if len(hidden) not in (1, stages):
        raise ConfigError(
            f"a WaveNet-like network of {stages} stages takes one hidden width for all of them or {stages}, "
            f"got {len(hidden)}."
        )
    return list(hidden) * (stages // len(hidden))


def wavenet(
    vocabulary_size: int,
    context: int,
    *,
    fan_in: int = 2,
    embedding_dim: int = 24,
    hidden: Sequence[int] = (128,),
    activation: str = "tanh",
    batch_norm: bool = True,
    dropout: float = 0.0,
) -> Sequential:
    """A language model that fuses ``fan_in`` neighbours in each stage: characters to pairs, pairs to fours and so on.

    From (N, context) indices to the logits (N, vocabulary_size). BatchNorm has its statistics over the rows and the
    positions of a stage. hidden: the width of all stages, or of each.

    Raises ConfigError for a context that is no power of the fan-in.

    >>> net = gn.models.wavenet(27, 8)
    >>> sum(parameter.size for parameter in net.parameters())
    76579
    """
    widths = stage_widths(hidden, stage_count(context, fan_in))
    layers: list[Module] = [Embedding(vocabulary_size, embedding_dim)]
    for width_in, width_out in zip([embedding_dim, *widths], widths, strict=False):
        layers.append(FlattenConsecutive(fan_in))
        layers += hidden_layers(fan_in * width_in, width_out, activation, batch_norm, dropout)
    return Sequential(*layers, Linear(widths[-1], vocabulary_size))


class DilatedLinear(Module):
    """A Linear over ``fan_in`` positions that lie ``dilation`` apart, of which the last is the present one: a
    ``Conv1d(causal=True)`` whose weight is that of the Linear in another shape.
    """

    def __init__(self, linear: Linear, fan_in: int, dilation: int) -> None:
        self.linear = linear
        self.fan_in = fan_in
        self.dilation = dilation

    def forward(self, x: Tensor) -> Tensor:
        """(N, T, in_features / fan_in) -> (N, T, out_features)."""
        kernel = self.linear.weight.reshape(self.fan_in, -1, self.linear.out_features)
        reach = self.dilation * (self.fan_in - 1)
        return functional.conv(x, kernel, self.linear.bias, (1,), ((reach, 0),), (self.dilation,), 1)

    def extra_repr(self) -> str:
        """The kernel."""
        return f"kernel {self.fan_in}, dilation {self.dilation}, causal"


def dilated(net: Sequential) -> Sequential:
    """The network that ``wavenet`` made, as dilated causal convolutions: from (N, T) indices, of any T, to the logits
    (N, T, vocabulary_size) of what follows each position.

    Both have the very same parameters and BatchNorm layers: whichever is trained, the other has learned. A position
    with at least a context of characters before it, itself included, has the logits that ``net`` gives for those;
    the ones before see zeros where the text has not begun, and do not count. In training mode this holds without
    BatchNorm and dropout only: here BatchNorm has its statistics over all positions, in the tree over each
    ``fan_in`` ** i-th.

    Raises ConfigError for a network of another kind.

    >>> net = gn.models.wavenet(27, 8, hidden=[16]).eval()
    >>> text = np.arange(20).reshape(1, 20)
    >>> whole = gn.models.dilated(net)(text)
    >>> whole.shape, np.allclose(whole[:, 12].numpy(), net(text[:, 5:13]).numpy(), atol=1e-6)
    ((1, 20, 27), True)
    """
    layers: list[Module] = []
    dilation, given = 1, iter(net)
    for layer in given:
        if not isinstance(layer, FlattenConsecutive):
            layers.append(layer)
            continue
        linear = next(given, None)
        if not isinstance(linear, Linear):
            raise ConfigError(f"dilated() needs a Linear after each FlattenConsecutive, got {linear!r:.80}.")
        layers.append(DilatedLinear(linear, layer.n, dilation))
        dilation *= layer.n
    if dilation == 1:
        raise ConfigError("dilated() takes what wavenet() made; this network has no FlattenConsecutive.")
    return Sequential(*layers)
