"""``glassnet doctor``: what is wrong with a run, and what to change."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from glassnet.cli import options
from glassnet.doctor import Doctor
from glassnet.doctor.evidence import Evidence
from glassnet.doctor.file import read_evidence
from glassnet.doctor.of_run import of_run
from glassnet.doctor.probes.costs import loss_kind
from glassnet.doctor.probes.overfit import overfit
from glassnet.engine.errors import ConfigError
from glassnet.recipe.parts import loss_for, network
from glassnet.recipe.recipe import Recipe, data_of
from glassnet.train.loop import cast
from glassnet.train.run import read_config


def doctor(
    run: options.RunArgument,
    deep: Annotated[bool, typer.Option("--deep", help="Also train a fresh network on 16 rows.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
) -> None:
    """Say what is wrong with a run, with the evidence and what to change, causes first."""
    findings = Doctor().diagnose(_deep(run)) if deep else of_run(run)
    typer.echo(json.dumps(findings.to_json(), indent=2) if as_json else findings.text())


def _deep(run: Path) -> Evidence:
    """The evidence of a run with the test on 16 rows. Raises ConfigError for a run that no command made."""
    of_run(run)  # says what is missing
    config = read_config(run)
    if "recipe" not in config:
        raise ConfigError(
            "--deep needs a run of glassnet train. Of one of fit(), use gn.doctor.examine(..., deep=True)."
        )
    recipe, dataset = Recipe.from_config(config), data_of(config, run)
    net, loss = network(recipe, dataset), loss_for(recipe, dataset)
    evidence = read_evidence(run) or Evidence()
    evidence.overfit = overfit(net, loss, loss_kind(loss), cast(dataset.train, net.dtype))
    return evidence
