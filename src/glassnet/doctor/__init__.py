"""The doctor: names what is wrong with a training, shows the evidence, and says what to change.

``glassnet.fit`` calls it by default; ``run.findings`` is what it found.
"""

from glassnet.doctor import rules as _rules  # declares them
from glassnet.doctor import torch
from glassnet.doctor.codes import CODES
from glassnet.doctor.doctor import Doctor
from glassnet.doctor.evidence import Evidence
from glassnet.doctor.examine import examine
from glassnet.doctor.explain import explain
from glassnet.doctor.finding import Finding, Remedy
from glassnet.doctor.of_run import of_run
from glassnet.doctor.report import Findings
from glassnet.doctor.rule import RULES, Rule, rule
from glassnet.doctor.watch import Watch, watch

__all__ = [
    "CODES",
    "RULES",
    "Doctor",
    "Evidence",
    "Finding",
    "Findings",
    "Remedy",
    "Rule",
    "Watch",
    "examine",
    "explain",
    "of_run",
    "rule",
    "torch",
    "watch",
]
del _rules
