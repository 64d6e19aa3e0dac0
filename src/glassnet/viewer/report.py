"""A report: the same page as one file that can be mailed, opened from the disk without a network, and printed.

Everything is in it: the modules as ``data:`` addresses in the import map, plotly compressed, and the answers that the
panels would get from a server.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from glassnet.engine.errors import ConfigError, GlassnetError
from glassnet.train.storage import write_atomically
from glassnet.viewer import page
from glassnet.viewer.answers import to_json
from glassnet.viewer.panels import PANELS
from glassnet.viewer.query import Query
from glassnet.viewer.runs import Runs
from glassnet.viewer.seen import SeenRun

#: Bytes of a report at most, and runs in it, the newest of a folder.
LARGEST, MOST = 6_000_000, 6
LEFT_OUT = b'{"error":"This was left out, so that the report can be mailed; the live page shows it."}'

_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline' data: blob:; style-src 'unsafe-inline'; img-src data:; "
    "base-uri 'none'; form-action 'none'"
)


def write_report(runs: Runs, path: Path) -> int:
    """Write the report of some runs to a file; returns its bytes. Raises ConfigError for no run, and CheckpointError
    if the file cannot be written.
    """
    content = report(runs)
    write_atomically(path, content)
    return len(content)


def report(runs: Runs) -> bytes:
    """The report of some runs. Answers that would make it too large are left out, the largest first."""
    shown = dict(list(runs.all().items())[-MOST:])
    if not shown:
        raise ConfigError("there is no run to report.")
    answers = {_embedded(key): answer for name, run in shown.items() for key, answer in _answers(name, run)}
    # How to go on names a place on this disk.
    summaries = [one | {"hint": None} for one in runs.summaries() if one["id"] in shown]
    room = LARGEST - len(_file(summaries, {}))
    while sum(len(key) + len(answer) + 2 for key, answer in answers.items()) > room:
        answers[max(answers, key=lambda key: len(answers[key]))] = LEFT_OUT
    return _file(summaries, answers)


def _answers(name: str, run: SeenRun) -> Iterator[tuple[str, bytes]]:
    """What the page would be told about a run, by what it would ask."""
    for panel, found in PANELS.items():
        queries: list[dict[str, str]] = [{}]
        try:
            queries = list(found.queries(run))
        except GlassnetError:  # the panel's own answer says what is wrong
            queries = [{}]
        for query in queries:
            key = f"{name}/{panel}?{json.dumps(sorted(query.items()), separators=(',', ':'), ensure_ascii=False)}"
            try:
                yield key, _embedded(found.answer(run, Query(query)))
            except GlassnetError as error:
                yield key, _embedded({"error": str(error)})


def _embedded(value: Any) -> bytes:
    """The value as JSON that can stand in a script element: nothing in it can end the element or begin another."""
    return to_json(value).replace(b"<", b"\\u003c")


def _file(summaries: list[dict[str, Any]], answers: dict[bytes, bytes]) -> bytes:
    """The whole page. answers: by their keys as JSON."""
    told = b",".join(key + b":" + answer for key, answer in answers.items())
    data = b'{"runs":' + _embedded(summaries) + b',"answers":{' + told + b"}}"
    modules = {name: f"data:text/javascript;base64,{_base64(page.files()[name])}" for name in page.modules()}
    head = "\n".join(
        [
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
            f"<style>{page.files()['style.css'].decode()}</style>",
            f'<script type="importmap">{page.import_map(modules)}</script>',
        ]
    )
    plotly = _base64(gzip.compress(page.plotly(), 9, mtime=0))
    body = "\n".join(
        [
            f'<script type="application/json" id="report-data">{data.decode("ascii")}</script>',
            f'<script type="text/plain" id="report-plotly">{plotly}</script>',
            '<script type="module">import "glassnet/app.js";</script>',
        ]
    )
    return page.html(head, body)


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()
