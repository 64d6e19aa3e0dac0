"""The pictures of the page in the README, and all panels at three widths, light and dark, to look at.

python docs/screenshots.py            # writes docs/page_*.png
python docs/screenshots.py FOLDER     # writes every panel into the folder

Needs the extras view and images, playwright, and Chromium.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from glassnet.cli.building import train_network
from glassnet.recipe.recipe import Recipe
from glassnet.viewer.panels import PANELS
from glassnet.viewer.runs import runs_in
from glassnet.viewer.server import Server

DOCS = Path(__file__).parent
WIDTHS = (390, 1024, 1920)
THEMES = ("light", "dark")
#: Bytes of a picture in the README; larger ones are reduced to 256 colours.
LARGEST = 250_000
#: The runs that are shown: the options of `glassnet train digits`.
RUNS = {
    "16-16 relu": {},
    "64 tanh, BatchNorm": {"hidden": (64,), "activation": "tanh", "batch_norm": True},
    "16-16 relu, lr 1": {"lr": 1.0},
}
#: A digit as a hand draws it, in shares of the pad.
THREE = [
    *((0.3, 0.22), (0.5, 0.14), (0.66, 0.26), (0.58, 0.42), (0.45, 0.47)),
    *((0.62, 0.54), (0.69, 0.7), (0.53, 0.85), (0.3, 0.78)),
]


def train_into(folder: Path) -> None:
    """Train the runs that are shown."""
    for name, options in RUNS.items():
        recipe = Recipe.from_options("digits", {**options, "epochs": 20}, None)
        train_network(recipe, recipe.load_data(), folder / name, progress=False)


def whole(tab: Page, path: Path) -> None:
    """Scroll through the page, since what nobody sees is not drawn, and take all of it."""
    height = tab.evaluate("document.documentElement.scrollHeight")
    for y in range(0, height, 400):
        tab.evaluate(f"window.scrollTo(0, {y})")
        tab.wait_for_timeout(120)
    tab.evaluate("window.scrollTo(0, 0)")
    tab.wait_for_timeout(400)
    tab.screenshot(path=path, full_page=True)
    print(path)


def draw_a_digit(tab: Page) -> None:
    """With the mouse."""
    tab.get_by_role("button", name="Draw").click()
    box = tab.locator("canvas.pad").bounding_box()
    assert box is not None  # noqa: S101  # it was clicked
    points = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in THREE]
    tab.mouse.move(*points[0])
    tab.mouse.down()
    for point in points[1:]:
        tab.mouse.move(*point, steps=6)
    tab.mouse.up()
    tab.wait_for_selector(".verdict:has-text('your drawing')")


def step_to_the_end(tab: Page) -> None:
    """Through an expression that uses a number three times."""
    tab.get_by_role("combobox", name="Expressions to begin with").select_option("2")  # (a + a) * a
    tab.wait_for_selector(".box-title:text-is('a')")
    tab.get_by_role("button", name="To the end").click()


def open_mistakes(tab: Page) -> None:
    """Those of a cell of the confusion matrix."""
    tab.locator(".matrix [data-true='3'][data-predicted='5']").click()
    tab.wait_for_selector(".examples h3:text-is('3 taken for 5')")
    tab.evaluate("window.scrollTo(0, 0)")  # the page has brought all of them into view


def wait_for_the_plane(tab: Page) -> None:
    """Until it is as fine as it gets."""
    tab.wait_for_selector(".plane[data-points='33']", timeout=60_000)
    tab.wait_for_selector(".landscapes .chart:last-child svg")


#: The pictures of the README: panel, run, theme, height, and what is done before.
PICTURES: list[tuple[str, str, str, int, Callable[[Page], object]]] = [
    ("network", "16-16 relu", "light", 760, draw_a_digit),
    ("backprop", "16-16 relu", "light", 720, step_to_the_end),
    ("health", "64 tanh, BatchNorm", "dark", 720, lambda _tab: None),
    ("landscape", "16-16 relu", "dark", 720, wait_for_the_plane),
    ("results", "16-16 relu", "light", 720, open_mistakes),
]

with tempfile.TemporaryDirectory() as place, sync_playwright() as playwright:
    train_into(Path(place))
    chromium = playwright.chromium.launch(executable_path=shutil.which("chromium"))

    def opened(panel: str, run: str, width: int, height: int, theme: str) -> Page:
        """A panel of a run."""
        tab = chromium.new_page(viewport={"width": width, "height": height}, color_scheme=theme)
        tab.goto(server.address)
        tab.wait_for_selector("main svg")
        tab.get_by_role("combobox", name="Run", exact=True).select_option(label=run)
        tab.wait_for_selector(f".link[aria-pressed='true']:text-is('{run}')")
        tab.evaluate(f"location.hash = '{panel}'")
        tab.wait_for_selector("main :is(svg, canvas, .matrix)")
        tab.wait_for_timeout(1500)
        return tab

    with Server(runs_in(Path(place))) as server:
        if len(sys.argv) > 1:
            shown = [panel for panel in PANELS if panel not in ("flow", "neuron")]  # those are parts of the network's
            for panel, width, theme in ((p, w, t) for p in shown for w in WIDTHS for t in THEMES):
                run = "16-16 relu, lr 1" if panel == "run" else "64 tanh, BatchNorm"
                tab = opened(panel, run, width, 900, theme)
                whole(tab, Path(sys.argv[1]) / f"{panel}-{width}-{theme}.png")
                tab.close()
        else:
            for panel, run, theme, height, before in PICTURES:
                tab = opened(panel, run, 1100, height, theme)
                before(tab)
                tab.wait_for_timeout(1200)  # what moves has come to rest
                path = DOCS / f"page_{panel}.png"
                tab.screenshot(path=path)
                if path.stat().st_size > LARGEST:
                    Image.open(path).convert("RGB").quantize(256).save(path, optimize=True)
                print(path, f"{path.stat().st_size / 1000:.0f} kB")
                tab.close()
    chromium.close()
