"""What is seen in a training: in single steps, at its end, and what other means reach on its rows."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Reference:
    """What simple means reach on rows that they have not seen: the nearest neighbours, a line, or counts.

    gain: the share of the best constant's error that they take away, by wrong classes or squares. spread: its
    standard error. most: of quantities, the gain over all rows but the few that are missed by most. loss: what counts
    cost in cross-entropy. odd_rows: rows whose label is another than that of which such a means is sure. odd: their
    share of the rows of which it is, for the means that is right most often there;
    None where none knows enough to be believed.
    """

    name: str = ""
    gain: float = 0.0
    spread: float = 0.0
    loss: float | None = None
    most: float | None = None
    odd: float | None = None
    odd_rows: list[int] = field(default_factory=list)

    def margin(self, most: float, share: float) -> float:
        """How far below the gain is clearly below: by three standard errors, and by a share of it, at most ``most``."""
        return max(3 * self.spread, min(most, share * abs(self.gain)))

    def beats(self, check: SplitCheck | None, most: float, share: float) -> bool:
        """Whether a network is clearly below the gain on the rows of a check, and not because of a few of them."""
        if check is None or check.gain is None:
            return False
        margin = self.margin(most, share)
        few = self.most is not None and check.most is not None and check.most >= self.most - margin
        return check.gain < self.gain - margin and not few


@dataclass
class LayerProbe:
    """A layer in one step. mean, std: of its output; before: std of what came into it. gradient: the norm of the
    gradient by its output. flat: the share of its outputs at flat ends. zero: units that are 0 in the whole batch.
    """

    mean: float | None = None
    std: float | None = None
    gradient: float | None = None
    flat: float | None = None
    zero: float | None = None


@dataclass
class ParameterProbe:
    """A parameter in one step. rms: of its values; update: of what the step adds; gradient: its norm, None without one.
    matrix: whether it has two axes or more, unlike a bias. moved: the norm of what has changed since the first look by
    the norm then. twins: the share of output units with a twin in weights and gradients.
    """

    rms: float
    update: float
    gradient: float | None
    matrix: bool = True
    moved: float | None = None
    twins: float | None = None


@dataclass
class Probe:
    """One step, looked into. loss: of its batch, before the update; row_std: that of its rows, where it is known.
    along: the change of the loss that the update should bring: the sum of update times gradient. regulariser, data:
    norms of the gradients of the regulariser and of the loss without it. output_low, output_high: of what the network
    gives out; unit_rows, log_rows: share of its rows that are probabilities, and logarithms of such. ideal_loss: what
    saying the very targets would cost. inputs: rms of what enters the network, at the first look; 0 for indices.
    left_over: whether gradients were there before backward. evaluating: layers of a network in evaluation mode that
    act on it.
    """

    step: int
    loss: float
    lr: float
    layers: dict[str, LayerProbe] = field(default_factory=dict)
    parameters: dict[str, ParameterProbe] = field(default_factory=dict)
    gradient: float = 0.0
    row_std: float | None = None
    regulariser: float | None = None
    data: float | None = None
    along: float | None = None
    output_low: float = 0.0
    output_high: float = 0.0
    unit_rows: float = 0.0
    log_rows: float = 0.0
    ideal_loss: float | None = None
    inputs: float = 0.0
    left_over: bool = False
    evaluating: list[str] = field(default_factory=list)

    @property
    def matrices(self) -> list[ParameterProbe]:
        """The parameters without biases and gains, which may begin at 0 or 1 and are small beside their updates."""
        return [one for one in self.parameters.values() if one.matrix]

    @property
    def ratio(self) -> float | None:
        """The rms of the update in relation to that of the values: the median over the matrices of weights."""
        found = sorted(one.update / one.rms for one in self.matrices if one.rms > 0 and one.gradient)
        return found[len(found) // 2] if found else None


@dataclass
class SplitCheck:
    """A split in evaluation mode, on a sample. loss: mean over rows, row_std: its standard deviation over rows.
    gain: the share of the best constant's error taken away. recall: of each class; counts: rows of each class.
    """

    rows: int
    loss: float
    row_std: float | None = None
    gain: float | None = None
    recall: list[float | None] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)
    surprises: list[int] = field(default_factory=list)  # rows that are confidently taken for another class
    most: float | None = None  # of quantities: the gain over all rows but the few that are missed by most
    contradicted: float | None = None  # of the quarter of rows that it is surest of, the share with another label


@dataclass
class Units:
    """Units of a rectifier over many rows: the share that is 0 for all, and the share of zeros in all outputs."""

    rows: int
    units: int
    dead: float
    zeros: float


@dataclass
class CheckUp:
    """The network at one time, in evaluation mode, over a sample of the rows."""

    step: int = 0
    train: SplitCheck | None = None
    val: SplitCheck | None = None
    units: dict[str, Units] = field(default_factory=dict)
    flat: dict[str, float] = field(default_factory=dict)


@dataclass
class Comparison:
    """The same batch with BatchNorm in training and in evaluation mode, dropout off in both: what it costs. gain,
    renewed: the gain on rows of validation, or else of training, with the running statistics, and with those of these
    very rows; None where a gain is not known.
    """

    step: int = 0
    training: float = 0.0
    evaluation: float = 0.0
    gain: float | None = None
    renewed: float | None = None


@dataclass
class Overfit:
    """Training on so few rows that any sound network learns them by heart."""

    rows: int = 0
    steps: int = 0
    first: float = 0.0
    last: float = 0.0
    gain: float = 0.0


@dataclass
class Failure:
    """A loss that was not finite."""

    step: int = 0
    message: str = ""
    layer: str | None = None


@dataclass
class Trial:
    """What some more steps in a certain way lead to. train, val: the mean loss over rows of both, without penalties.
    gain: the share of the best constant's error taken away, on validation or else on training.
    """

    train: float = 0.0
    val: float | None = None
    gain: float | None = None
