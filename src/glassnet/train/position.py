"""Position: where a training is, as it stands in a checkpoint."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

#: Steps and rows beyond this are no count of anything.
MOST = 2**53


@dataclass(frozen=True)
class Position:
    """step: how many steps are made. sums, rows: of the values of the epoch that is not complete.
    history: a list for each value with an entry for each epoch that is over. seconds: how long it took.
    stopped: why the training ended early, or None.
    """

    step: int
    sums: dict[str, float]
    rows: int
    history: dict[str, list[float]]
    seconds: float
    stopped: str | None

    def to_json(self) -> dict[str, Any]:
        """The position as a value for ``json.dumps``."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Any) -> Position:
        """The position that ``to_json`` described. Raises ValueError for anything else."""
        if not isinstance(value, dict) or set(value) != set(cls.__dataclass_fields__):
            raise ValueError(f"expected the position of a training, got {value!r:.80}")
        sums, history, stopped = value["sums"], value["history"], value["stopped"]
        if not isinstance(sums, dict) or not isinstance(history, dict):
            raise ValueError(f"expected values by name, got {sums!r:.80} and {history!r:.80}")
        if not all(isinstance(values, list) for values in history.values()):
            raise ValueError(f"expected lists of values, got {history!r:.80}")
        if len({len(values) for values in history.values()}) > 1:
            raise ValueError("the lists of the history differ in length")
        if stopped is not None and not isinstance(stopped, str):
            raise ValueError(f"expected a reason for stopping, got {stopped!r:.80}")
        return cls(
            step=whole(value["step"]),
            sums={name: number(total) for name, total in sums.items()},
            rows=whole(value["rows"]),
            history={name: [number(one) for one in values] for name, values in history.items()},
            seconds=number(value["seconds"]),
            stopped=stopped,
        )


def whole(value: Any) -> int:
    """A whole number of at least 0 out of JSON. Raises ValueError for anything else."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MOST:
        raise ValueError(f"expected a whole number, got {value!r:.80}")
    return value


def number(value: Any) -> float:
    """A number out of JSON. Raises ValueError for anything else."""
    if not isinstance(value, int | float) or isinstance(value, bool) or (isinstance(value, int) and abs(value) > MOST):
        raise ValueError(f"expected a number, got {value!r:.80}")
    return float(value)
