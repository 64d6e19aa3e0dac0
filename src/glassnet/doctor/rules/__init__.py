"""The rules, a family in each file. Importing this package declares them all."""

from glassnet.doctor.rules import (
    activations,
    data,
    generalisation,
    head,
    initialisation,
    normalisation,
    optimisation,
    outcome,
    setup,
    splits,
)

__all__ = [
    "activations",
    "data",
    "generalisation",
    "head",
    "initialisation",
    "normalisation",
    "optimisation",
    "outcome",
    "setup",
    "splits",
]
