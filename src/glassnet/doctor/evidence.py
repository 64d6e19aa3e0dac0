"""Evidence: what is known about a training, as plain numbers and text.

Probes fill it, from glassnet's own looks or from elsewhere, such as hooks in PyTorch; rules read nothing else. A part
that was not gathered is empty, and rules that need it are silent. It goes to JSON and back (``records.py``).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from glassnet.doctor.progress import Progress
from glassnet.doctor.records import from_record, to_record

#: Kinds of layers that the rules tell apart; any other kind is a layer of which they know nothing.
LINEAR = ("Linear", "Conv1d", "Conv2d")
NORMS = ("BatchNorm1d", "BatchNorm2d", "LayerNorm", "GroupNorm")
BATCH_NORMS = ("BatchNorm1d", "BatchNorm2d")
#: Layers that only rearrange numbers, leave some out or scale all alike: what is linear stays linear.
TRANSPARENT = ("Reshape", "Dropout", "AvgPool1d", "AvgPool2d", "Identity")
ACTIVATIONS = ("ReLU", "LeakyReLU", "ELU", "GELU", "SiLU", "Softplus", "Tanh", "Sigmoid", "Softmax", "LogSoftmax")


@dataclass
class Layer:
    """A layer that computed something, or an operation in the code of a network.

    path: its name. kind: its class, or the class of the layer that does the same. after: the paths of the layers whose
    outputs it takes. width_in, width: numbers of features that come in and go out (0 if unknown). values: elements of
    its output for each feature in a batch. bias: whether it adds one. training: its mode when it was last used.
    """

    path: str
    kind: str
    after: list[str] = field(default_factory=list)
    width_in: int = 0
    width: int = 0
    values: int = 0
    bias: bool = False
    training: bool = True

    @property
    def name(self) -> str:
        """For people: ``layer 2 (Linear 16 -> 10)``."""
        widths = f" {self.width_in} -> {self.width}" if self.kind in LINEAR and self.width_in else ""
        if not self.path:
            return f"the layer ({self.kind}{widths})"
        return f"{'layer ' if self.path[0].isdigit() else ''}{self.path} ({self.kind}{widths})"


@dataclass
class Parameter:
    """A parameter: its layer, size, whether it is to be trained, whether an optimizer holds it, and whether its layer
    was run.
    """

    path: str
    layer: str
    size: int
    trainable: bool = True
    held: bool = True
    used: bool = True


@dataclass
class SetUp:
    """What is trained, and how. loss: "cross_entropy", "nll", "bce", "mse", "l1", "huber", or another name; weighted,
    smoothed: whether classes have weights, and labels are smoothed. rates: learning rates over the planned training,
    thinned, each with its step. penalty: whether one is added to the loss. dropout: the largest share that is dropped.
    """

    layers: list[Layer] = field(default_factory=list)
    parameters: list[Parameter] = field(default_factory=list)
    loss: str = ""
    weighted: bool = False
    smoothed: bool = False
    optimizer: str = ""
    lr: float = 0.0
    momentum: float = 0.0
    weight_decay: float = 0.0
    clip_norm: float | None = None
    penalty: bool = False
    dropout: float = 0.0
    rates: list[tuple[int, float]] = field(default_factory=list)
    batch_size: int = 0
    rows: int = 0
    total_steps: int = 0
    shuffle: bool = True
    keep_best: bool = False
    float_inputs: bool = True

    def layer(self, path: str) -> Layer | None:
        """The layer with this path."""
        return next((one for one in self.layers if one.path == path), None)

    def before(self, layer: Layer) -> list[Layer]:
        """The layers whose numbers a layer takes, through those that only rearrange them."""
        found: list[Layer] = []
        waiting = list(layer.after)
        seen: set[str] = set()
        while waiting:
            path = waiting.pop()
            one = self.layer(path)
            if one is None or path in seen:
                continue
            seen.add(path)
            if one.kind in TRANSPARENT:
                waiting += one.after
            else:
                found.append(one)
        return found

    def last(self) -> list[Layer]:
        """The layers whose numbers are the output of the network."""
        taken = {path for one in self.layers for path in one.after}
        ends = [one for one in self.layers if one.path not in taken]
        return [end for one in ends for end in ([one] if one.kind not in TRANSPARENT else self.before(one))]

    @property
    def known_loss(self) -> bool:
        """Whether the loss is one of which the doctor knows what it means."""
        return self.classification or self.regression or self.loss == "bce"

    @property
    def regression(self) -> bool:
        """Whether the loss measures distances."""
        return self.loss in ("mse", "l1", "huber")

    @property
    def classification(self) -> bool:
        """Whether the loss is that of one class out of several."""
        return self.loss in ("cross_entropy", "nll")


@dataclass
class Features:
    """Columns of the inputs, over a sample of the rows. Lists have one entry for each feature."""

    mean: list[float]
    std: list[float]
    low: list[float]  # smallest
    high: list[float]  # largest
    distinct: list[int]  # different values, counted up to a bound


@dataclass
class Data:
    """What the rows are like. Shares are of the rows.

    constant: what the best constant prediction would cost, by the loss that is trained; None if unknown.
    """

    rows: int = 0
    val_rows: int = 0
    nonfinite_rows: list[int] = field(default_factory=list)
    features: Features | None = None
    val_features: Features | None = None
    classes: list[int] = field(default_factory=list)  # rows of each class
    val_classes: list[int] = field(default_factory=list)
    target_kind: str = (
        ""  # "classes", "numbers" (whole numbers from 0 on, as numbers), "values", "shares" (soft labels)
    )
    target_mean: float = 0.0
    target_std: float = 0.0
    target_low: float = 0.0
    target_high: float = 0.0
    ordered: float | None = None  # of "numbers": how far near numbers are near in the inputs, 1 at most
    val_target_mean: float = 0.0
    val_target_std: float = 0.0
    constant: float | None = None
    runs_z: float | None = None  # of classes in the order of training: how many standard errors too few changes
    per_batch: float | None = None  # different classes in a batch, as a share of what mixed rows would give
    repeated: float = 0.0  # rows that equal an earlier one
    conflicting: float = 0.0  # rows that equal another with another label
    leaked: float = 0.0  # validation rows that are in training
    giveaway: list[float] = field(default_factory=list)  # how well each feature alone gives the target, 1 at most


@dataclass
class Reference:
    """What simple means reach on rows that they have not seen: the nearest neighbours, a line, or counts.

    gain: the share of the best constant's error that they take away, by wrong classes or squares. spread: its
    standard error. odd_rows: rows whose label all that is near them contradicts. odd: their share.
    """

    name: str = ""
    gain: float = 0.0
    spread: float = 0.0
    odd: float = 0.0
    odd_rows: list[int] = field(default_factory=list)

    def margin(self, most: float, share: float) -> float:
        """How far below the gain is clearly below: by three standard errors, and by a share of it, at most ``most``."""
        return max(3 * self.spread, min(most, share * abs(self.gain)))


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
    saying the very targets would cost. inputs: rms of what enters the network, 0 for indices. left_over: whether
    gradients were there before backward. evaluating: layers of a network in evaluation mode that act on it.
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
    """The same batch with BatchNorm in training and in evaluation mode, dropout off in both."""

    step: int = 0
    training: float = 0.0
    evaluation: float = 0.0


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
class Evidence:
    """All that is known about a training."""

    data: Data = field(default_factory=Data)
    setup: SetUp = field(default_factory=SetUp)
    probes: list[Probe] = field(default_factory=list)
    progress: Progress = field(default_factory=Progress)
    checkup: CheckUp = field(default_factory=CheckUp)
    comparison: Comparison = field(default_factory=Comparison)
    reference: Reference = field(default_factory=Reference)
    overfit: Overfit = field(default_factory=Overfit)
    failure: Failure = field(default_factory=Failure)
    unused: list[str] = field(default_factory=list)  # trainable parameters without a gradient in every step so far
    without_step: int | None = None  # when gradients were thrown away, or piled up, without a step
    evaluated_in_training: list[str] = field(default_factory=list)  # layers in training mode at an evaluation

    def has(self, part: str) -> bool:
        """Whether a part was gathered."""
        found = getattr(self, part)
        return bool(found != type(found)())

    def to_json(self) -> dict[str, Any]:
        """The evidence as a value for ``json.dumps``."""
        found: dict[str, Any] = to_record(self)
        return found

    @classmethod
    def from_json(cls, value: Any) -> Evidence:
        """The evidence that ``to_json`` described. Raises ValueError for anything else."""
        return from_record(cls, value)

    # What rules ask most often: whether a symptom does harm

    @property
    def learned(self) -> float | None:
        """The share of the best constant's loss that is gone at the end, on training batches: 1 is perfect, 0 is
        no better than a constant. None if the constant is unknown.
        """
        constant = self.data.constant
        return 1 - self.progress.end / constant if constant and self.progress.losses else None

    @property
    def solved(self) -> bool:
        """Whether hardly anything is left to learn."""
        return self.learned is not None and self.learned > SOLVED and not self.has("failure")

    @property
    def gain(self) -> float | None:
        """The share of the best constant's error that the network takes away: on validation, or else on training."""
        one = self.checkup.val or self.checkup.train
        return None if one is None else one.gain

    @property
    def behind(self) -> bool:
        """Whether the network is clearly worse than what simple means reach on the same rows, even on the rows that it
        was trained on.
        """
        train = self.checkup.train
        if not self.has("reference") or train is None or train.gain is None:
            return False
        return train.gain < self.reference.gain - self.reference.margin(0.05, 0.15)

    @property
    def harmed(self) -> bool:
        """Whether the training failed, rose, or ended clearly behind what it could have reached."""
        if self.has("failure"):
            return True
        if not self.progress.losses or self.solved:
            return False
        poor = self.learned is not None and self.learned < POOR and not self.has("reference")
        return self.behind or poor or self.progress.rising


#: Shares of the best constant's loss above which a task is solved, and below which it is hardly begun.
SOLVED, POOR = 0.85, 0.3
