"""A diagnosis of a run that was saved, from the evidence in its folder."""

from __future__ import annotations

from pathlib import Path

from glassnet.doctor.doctor import Doctor
from glassnet.doctor.file import DOCTOR, read_evidence
from glassnet.doctor.report import Findings
from glassnet.engine.errors import CheckpointError
from glassnet.train.run import read_config


def of_run(folder: str | Path, *, doctor: Doctor | None = None) -> Findings:
    """The findings of a run, by the rules of now: nothing is trained again.

    Raises CheckpointError for a folder that holds no run, or a run that no doctor has watched.
    """
    folder = Path(folder)
    read_config(folder)
    evidence = read_evidence(folder)
    if evidence is None:
        raise CheckpointError(
            f"{folder} holds no {DOCTOR}: the run was made with doctor=False, or was killed before its end."
        )
    ended = evidence.has("progress") or evidence.has("failure")  # of one that was interrupted, only what is certain
    return (doctor or Doctor()).diagnose(evidence, at_once=not ended)
