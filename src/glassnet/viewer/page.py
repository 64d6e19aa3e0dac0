"""The page's own files: HTML, style and ES modules, read once, by a closed list of names.

Modules import each other by bare names, ``glassnet/charts.js``, which the page's import map says where to find: at
addresses of the server, or, in a report, inside of the file itself.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from glassnet.engine.errors import ConfigError

FOLDER = Path(__file__).with_name("page")
KINDS = {".js": "text/javascript", ".css": "text/css", ".html": "text/html", ".svg": "image/svg+xml"}
PLOTLY = "plotly.min.js"
NEEDED = "pip install 'glassnet[view]'"


@cache
def files() -> dict[str, bytes]:
    """Every file of the page by its name, such as ``panels/run.js``."""
    found = {path.relative_to(FOLDER).as_posix(): path.read_bytes() for path in sorted(FOLDER.rglob("*.*"))}
    return {name: content for name, content in found.items() if Path(name).suffix in KINDS}


@cache
def plotly() -> bytes:
    """The JavaScript of the charts, out of the package plotly. Raises ConfigError if that is missing."""
    spec = find_spec("plotly")
    path = None if spec is None or spec.origin is None else Path(spec.origin).parent / "package_data" / PLOTLY
    if path is None or not path.exists():
        raise ConfigError(f"the page draws its charts with plotly, which is missing. Install it: {NEEDED}.")
    return path.read_bytes()


def modules() -> list[str]:
    """The names of the ES modules."""
    return [name for name in files() if name.endswith(".js")]


def import_map(addresses: Mapping[str, str]) -> str:
    """The import map for modules at these addresses."""
    return json.dumps({"imports": {f"glassnet/{name}": address for name, address in addresses.items()}})


def html(head: str, body: str = "") -> bytes:
    """The page with what is particular in its head and at the end of its body."""
    page = files()["index.html"].decode()
    return page.replace("<!-- head -->", head).replace("<!-- body -->", body).encode()


def served_page() -> tuple[bytes, str]:
    """The page that a server gives, and the hash of its import map, the only inline script that may be in it."""
    imports = import_map({name: f"/page/{name}" for name in modules()})
    head = (
        f'<script type="importmap">{imports}</script>\n'
        '<link rel="stylesheet" href="/page/style.css">\n'
        '<script type="module" src="/page/app.js"></script>'
    )
    digest = base64.b64encode(hashlib.sha256(imports.encode()).digest()).decode()
    return html(head), f"sha256-{digest}"
