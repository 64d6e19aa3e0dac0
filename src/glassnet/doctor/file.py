"""The evidence of a run in its folder: whoever asks for a diagnosis later need not train again."""

from __future__ import annotations

from pathlib import Path

from glassnet.doctor.evidence import Evidence
from glassnet.engine.errors import CheckpointError
from glassnet.train.run_folder import make_folder
from glassnet.train.storage import LONGEST, parse_sealed_json, read_file, sealed_json, write_atomically

DOCTOR = "doctor.json"


def write_evidence(folder: Path, evidence: Evidence) -> None:
    """Write the evidence into the folder of a run."""
    make_folder(folder)
    write_atomically(folder / DOCTOR, sealed_json(evidence.to_json()))


def read_evidence(folder: Path) -> Evidence | None:
    """The evidence in the folder of a run, or None if there is none. Raises CheckpointError if it is damaged."""
    path = folder / DOCTOR
    if not path.exists():
        return None
    try:
        return Evidence.from_json(parse_sealed_json(read_file(path, LONGEST), str(path)))
    except ValueError as error:
        raise CheckpointError(
            f"{path} is not the evidence of a run: {error}. Remove the file; the weights are not affected."
        ) from error
