"""The pages about what the doctor can find: one for each code, in ``pages/``."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path

from glassnet.doctor.codes import CODES
from glassnet.engine.errors import ConfigError

PAGES = Path(__file__).parent / "pages"


def explain(code: str) -> str:
    """What a code means, how it looks, why it happens and what to do, as Markdown, with an example to run.

    Raises ConfigError for a code that does not exist.

    >>> gn.doctor.explain("stale-gradients").splitlines()[0]
    '# stale-gradients'
    """
    if code not in CODES:
        close = get_close_matches(str(code), CODES, 1)
        hint = f"Did you mean {close[0]}?" if close else f"The codes are {', '.join(CODES)}."
        raise ConfigError(f"the doctor has no code {code!r}. {hint}")
    return (PAGES / f"{code}.md").read_text(encoding="utf-8")


def overview() -> str:
    """All codes by their family, with what they mean, as Markdown."""
    families = dict.fromkeys(one.family for one in CODES.values())
    parts = ["# What the doctor can find"]
    for family in families:
        rows = [f"- **{code}**: {one.title}" for code, one in CODES.items() if one.family == family]
        parts += [f"## {family[0].upper()}{family[1:]}", "\n".join(rows)]
    return "\n\n".join(parts) + "\n"
