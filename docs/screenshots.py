"""The pictures of the page in the README, and all panels at three widths, light and dark, to look at.

python docs/screenshots.py            # writes docs/page.png and docs/page_health.png
python docs/screenshots.py FOLDER     # writes every panel into the folder

Needs the extra view, playwright, and Chromium.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from glassnet.cli.building import train_network
from glassnet.recipe.recipe import Recipe
from glassnet.viewer.panels import PANELS
from glassnet.viewer.runs import runs_in
from glassnet.viewer.server import Server

DOCS = Path(__file__).parent
WIDTHS = (390, 1024, 1920)
THEMES = ("light", "dark")
#: The runs that are shown: the options of `glassnet train digits`.
RUNS = {
    "16-16 relu": {},
    "64 tanh, BatchNorm": {"hidden": (64,), "activation": "tanh", "batch_norm": True},
    "16-16 relu, lr 1": {"lr": 1.0},
}


def train_into(folder: Path) -> None:
    """Train the runs that are shown."""
    for name, options in RUNS.items():
        recipe = Recipe.from_options("digits", {**options, "epochs": 20}, None)
        train_network(recipe, recipe.load_data(), folder / name, progress=False)


def picture(tab: Page, path: Path, *, whole: bool = True) -> None:
    """Scroll through the page, since what nobody sees is not drawn, and take it."""
    height = tab.evaluate("document.documentElement.scrollHeight")
    for y in range(0, height, 400):
        tab.evaluate(f"window.scrollTo(0, {y})")
        tab.wait_for_timeout(120)
    tab.evaluate("window.scrollTo(0, 0)")
    tab.wait_for_timeout(400)
    tab.screenshot(path=path, full_page=whole)
    print(path)


with tempfile.TemporaryDirectory() as place, sync_playwright() as playwright:
    train_into(Path(place))
    chromium = playwright.chromium.launch(executable_path=shutil.which("chromium"))
    with Server(runs_in(Path(place))) as server:
        everything = [
            (panel, width, theme, Path(sys.argv[1]) / f"{panel}-{width}-{theme}.png")
            for panel in PANELS
            if panel not in ("flow", "neuron")  # they are parts of the network's
            for width in WIDTHS
            for theme in THEMES
        ] if len(sys.argv) > 1 else [
            ("run", 1100, "light", DOCS / "page.png"),
            ("health", 1100, "dark", DOCS / "page_health.png"),
        ]  # fmt: skip
        for panel, width, theme, path in everything:
            height = 1400 if len(sys.argv) == 1 else 900
            tab = chromium.new_page(viewport={"width": width, "height": height}, color_scheme=theme)
            tab.goto(f"{server.address}#{panel}")
            tab.wait_for_selector("main svg")
            shown = "16-16 relu, lr 1" if panel == "run" else "64 tanh, BatchNorm"
            tab.get_by_role("combobox", name="Run").select_option(label=shown)
            picture(tab, path, whole=len(sys.argv) > 1)
            tab.close()
    chromium.close()
