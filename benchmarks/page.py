"""What the page costs and how soon it is there: from the command to the running training on the page, how often it
changes, and what it costs the compiled training of the digits network: a panel seen in Chromium, seen by nobody, or not
served.

The thread that trains never waits for the server, whose thread takes 0.6 % of a core. What costs is the browser itself
where it has no core of its own. Measured on two quiet cores: the training is on the page 1.1 s after the command; of
60,000 steps, about 9 s, the open panel of the run cost 4.1 %, health 5.2 %, loading the page included, which costs
about 0.4 s once. Panels that had been loaded before cost -0.9 % (run), 1.4 % (network), 5.9 % (health, 5 s), 4.1 %
(landscape), and a page that nobody looks at -0.7 %.

Needs the extra view, playwright, and Chromium: python benchmarks/page.py
"""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from playwright.sync_api import sync_playwright

import glassnet as gn
from glassnet import data, nn, optim
from glassnet.viewer.live import LiveRun, Watch
from glassnet.viewer.runs import Runs
from glassnet.viewer.server import Server

ROUNDS, STEPS = 5, 60_000
RUNNING = ".top .pill[data-state='running']"
#: Counts how often the number of steps on the page changes.
COUNT = """() => { window.changes = 0;
  new MutationObserver(() => window.changes++).observe(document.querySelector('.figure strong'), {childList: true}) }"""


def command_to_page(browser) -> tuple[float, float, float]:
    """Seconds from starting the command to its address, and to the training on the page; changes a second then."""
    with tempfile.TemporaryDirectory() as folder, browser.new_page() as tab:
        tab.goto("about:blank")
        started = time.perf_counter()
        command = [sys.executable, "-u", "-m", "glassnet", "train", "digits", "--steps", "1000000", "--view"]
        with subprocess.Popen([*command, "--folder", f"{folder}/run"], stdout=subprocess.PIPE, text=True) as process:
            address = next(found[0] for line in process.stdout if (found := re.search(r"http://\S+", line)))
            printed = time.perf_counter() - started
            tab.goto(address, wait_until="commit")
            tab.wait_for_selector(RUNNING)
            shown = time.perf_counter() - started
            tab.wait_for_selector(".main-svg")
            tab.evaluate(COUNT)
            begun = time.perf_counter()
            tab.wait_for_timeout(4000)
            rate = tab.evaluate("window.changes") / (time.perf_counter() - begun)
            process.send_signal(signal.SIGINT)
            process.stdout.read()
    return printed, shown, rate


digits = data.load("digits")


def train(callbacks) -> float:
    """Microseconds of a compiled step."""
    gn.manual_seed(0)
    net = nn.Sequential(nn.Linear(784, 16), nn.ReLU(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 10))
    optimizer = optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
    options = {"steps": STEPS, "batch_size": 100, "compile": True, "progress": False, "folder": None}
    run = gn.fit(net, digits, loss=nn.CrossEntropyLoss(), optimizer=optimizer, callbacks=callbacks, **options)
    return run.seconds / STEPS * 1e6


@contextmanager
def page():
    live = LiveRun("benchmark")
    with Server(Runs([live])) as server:
        yield server, [Watch(live)]


def not_served(_browser) -> float:
    return train([])


def seen_by_nobody(_browser) -> float:
    with page() as (_, watch):
        return train(watch)


def seen(panel, drawing):
    """Chromium looks at a panel, which draws something that this selector finds."""

    def way(browser) -> float:
        with page() as (server, watch), browser.new_page(viewport={"width": 1024, "height": 800}) as tab:
            tab.goto(f"{server.address}#{panel}")
            tab.wait_for_selector(".pill[data-state='waiting']")
            micro = train(watch)
            tab.wait_for_selector(".pill[data-state='done']")
            tab.wait_for_selector(drawing)
            return micro

    way.__name__ = f"seen: {panel}"
    return way


PANELS = {"run": ".main-svg", "network": ".neuron", "health": ".main-svg", "landscape": ".landscape"}
WAYS = (not_served, seen_by_nobody, *(seen(*one) for one in PANELS.items()))

with sync_playwright() as playwright:
    chromium = playwright.chromium.launch(executable_path=shutil.which("chromium"))
    waits = [command_to_page(chromium) for _ in range(3)]
    printed, shown, rate = (median(column) for column in zip(*waits, strict=True))
    print(f"the address is printed after {printed:.2f} s, the page shows the running training after {shown:.2f} s")
    print(f"it changes {rate:.1f} times a second")
    for way in WAYS:
        way(chromium)
    rounds = [[way(chromium) for way in WAYS] for _ in range(ROUNDS)]
    chromium.close()
for way, column in zip(WAYS, zip(*rounds, strict=True), strict=True):
    ratio = median(mine / first for mine, (first, *_) in zip(column, rounds, strict=True))
    print(f"{way.__name__:16} {median(column):6.1f} us a step, {ratio:.3f} of not_served")
print(f"on {Path('/proc/cpuinfo').read_text().count('processor	:')} cores")
