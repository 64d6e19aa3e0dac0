"""What is known before the first step: the layers, parameters and options of a training, and its rows."""

from __future__ import annotations

from dataclasses import dataclass, field

#: Kinds of layers that the rules tell apart; any other kind is a layer of which they know nothing.
LINEAR = ("Linear", "Conv1d", "Conv2d")
NORMS = ("BatchNorm1d", "BatchNorm2d", "LayerNorm", "GroupNorm")
BATCH_NORMS = ("BatchNorm1d", "BatchNorm2d")
#: Layers that only rearrange numbers, leave some out or scale all alike: what is linear stays linear.
TRANSPARENT = ("Reshape", "Dropout", "AvgPool1d", "AvgPool2d", "Identity")
#: Fewer units than these are too few to speak of shares of them.
NARROW = 4


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
    crossed: whether the loss compares the output of each row with the targets of all rows. maximize: whether
    the optimizer is told to make the loss larger. place: where it is trained:
    "fit", "loop" of one's own, or "torch"; what to type depends on it.
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
    crossed: bool = False
    maximize: bool = False
    place: str = "fit"

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

    @property
    def narrow(self) -> bool:
        """Whether everything has to pass through fewer units than any signal needs to be watched."""
        ends = {id(one) for one in self.last()}
        return any(one.kind in LINEAR and 0 < one.width < NARROW and id(one) not in ends for one in self.layers)

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

    constant: what the best constant prediction would cost, by the loss that is trained; None if unknown. symbols:
    whether targets are of the alphabet of the inputs, as the next character of a text is.
    """

    rows: int = 0
    val_rows: int = 0
    nonfinite_rows: list[int] = field(default_factory=list)
    nonfinite_step: int | None = None  # the step in whose batch these rows are, where they are numbered within it
    nonfinite_targets: bool = False  # whether it is their targets
    outliers: list[int] = field(default_factory=list)  # rows that are far from all others in inputs or target
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
    ordered: float | None = None  # of "numbers": the share of their orders that fit the inputs as well as their own
    val_target_mean: float = 0.0
    val_target_std: float = 0.0
    constant: float | None = None
    runs_z: float | None = None  # of classes in the order of training: how many standard errors too few changes
    within: float | None = None  # of quantities in that order: the share of their variance that is within batches
    trend: float = 0.0  # and how well the number of a batch tells the mean of its targets, at most 1
    per_batch: float | None = None  # different classes in a batch beyond the first, as a share of what mixed rows give
    repeated: float = 0.0  # rows that equal an earlier one
    conflicting: float = 0.0  # rows that equal another with another label
    leaked: float = 0.0  # validation rows that are in training
    symbols: bool = False
    giveaway: list[float] = field(default_factory=list)  # how well each feature alone gives the target, 1 at most
    together: float = 0.0  # and all others than the best of them together

    def take_nonfinite(self, other: Data) -> None:
        """Take over the rows with which a step failed, if there are any."""
        if other.nonfinite_rows:
            self.nonfinite_rows, self.nonfinite_step = other.nonfinite_rows, other.nonfinite_step
            self.nonfinite_targets = other.nonfinite_targets
