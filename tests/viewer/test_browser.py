"""The page in a real browser: the panels of the run and of health, stopping a run, hostile runs, and the report."""

import re
import signal
import subprocess
import sys

import pytest

from glassnet.doctor.finding import Finding, Remedy
from glassnet.train.run_folder import CONFIG
from glassnet.viewer.findings import cards
from glassnet.viewer.report import write_report
from glassnet.viewer.runs import runs_in
from glassnet.viewer.saved import SavedRun

from .pages import fit, fit_digits, ids, served, training

pytestmark = pytest.mark.browser

FINDING = Finding(
    code="dead-units",
    severity="warning",
    layer="2",
    step=40,
    message="<img src=x onerror=alert(1)>",
    evidence={"figure": "share of dead units", "value": 0.5, "threshold": 0.4},
    remedy=Remedy("nn.LeakyReLU()"),
)


def open_page(tab, client, panel="run"):
    tab.goto(f"{client.server.address}#{panel}")
    tab.wait_for_selector(".pill[data-state]:not([data-state=''])")


def until(tab, condition):
    """Wait until an expression is true; what Playwright has for it needs eval, which the page's policy forbids."""
    for _ in range(1500):
        if tab.evaluate(condition):
            return
        tab.wait_for_timeout(20)
    raise AssertionError(f"it never happened: {condition}")


def figure(tab, name):
    return tab.locator(f".figure:has(> span:text-is('{name}')) > strong").inner_text()


def lines_of(tab, title):
    """What plotly has drawn in the chart with this title: the names of the lines and their points."""
    card = tab.locator(".chart", has=tab.locator("h3", has_text=re.compile(rf"^{title}$")))
    card.scroll_into_view_if_needed()  # what nobody sees is not drawn
    chart = card.locator(".picture")
    chart.locator(".main-svg").first.wait_for()
    traces = chart.evaluate("node => node.data.map(t => ({name: t.name, x: [...t.x], y: [...(t.y ?? [])], z: t.z}))")
    return {trace["name"]: trace for trace in traces}


def test_the_run(tab, tmp_path):
    run = fit(tmp_path / "run")
    with served(SavedRun(tmp_path / "run")) as client:
        open_page(tab, client)
        assert tab.url == f"http://{client.host}/#run"  # the token is not left in the address
        loss = lines_of(tab, "Loss")
        assert loss["training"]["y"] == run.history["loss"]
        assert loss["validation"]["y"] == run.history["val_loss"]
        assert loss["training"]["x"] == [1, 2, 3]
        assert lines_of(tab, "Accuracy")["validation"]["y"] == run.history["val_accuracy"]
        assert figure(tab, "steps") == "15 / 15"
        assert figure(tab, "epoch") == "3"
        assert tab.locator(".top .pill").inner_text() == "finished"
        assert tab.locator(".layers li").count() == 6
        assert tab.get_by_role("button", name="Stop").count() == 0


def test_two_runs_are_laid_over_each_other_and_one_can_be_left_out(tab, tmp_path):
    for name, epochs in (("a", 2), ("<b>b", 4)):
        fit(tmp_path / name, epochs=epochs)

    def validation():
        return {name: len(line["x"]) for name, line in lines_of(tab, "Loss").items() if name}

    with served(folder=tmp_path) as client:
        open_page(tab, client)
        assert validation() == {"a": 2, "&lt;b&gt;b": 4}  # plotly, too, is given text
        assert tab.locator("tbody tr").count() == 2
        assert tab.locator("tbody b").count() == 0
        assert tab.get_by_role("combobox", name="Run").input_value() == ids(client)[1]
        tab.get_by_label("Show <b>b", exact=True).uncheck()  # the chosen one is shown all the same
        tab.get_by_label("Show a", exact=True).uncheck()
        until(tab, "document.querySelector('.picture').data.length === 2")
        assert list(validation()) == ["training", "validation"]
        tab.get_by_role("button", name="a", exact=True).click()
        until(tab, "document.querySelector('.picture').data[0].x.length === 2")


def test_a_picture_is_drawn_again_when_there_is_something_new(tab, tmp_path):
    fit(tmp_path / "run")
    with served(SavedRun(tmp_path / "run")) as client:
        open_page(tab, client)
        lines_of(tab, "Loss")
        tab.evaluate("""() => { const react = Plotly.react; window.drawn = [];
          Plotly.react = (node, ...more) => { window.drawn.push(node.ariaLabel); return react(node, ...more) } }""")
        tab.get_by_role("link", name="Health").click()
        lines_of(tab, "Update to data")
        tab.get_by_role("link", name="Run", exact=True).click()
        lines_of(tab, "Loss")
        fit(tmp_path / "run", epochs=4, resume=True)
        until(tab, "document.querySelector('.picture').data.at(-1).x.length === 4")
        assert tab.evaluate("window.drawn.filter(name => name === 'Loss').length") == 1


def test_the_doctor_points_at_a_layer(tab, tmp_path):
    fit(tmp_path / "run")

    class Sick(SavedRun):
        def findings(self):
            return cards([FINDING])

    with served(Sick(tmp_path / "run")) as client:
        open_page(tab, client)
        card = tab.locator(".finding")
        assert "<img src=x" in card.inner_text()
        assert "share of dead units" in card.inner_text()
        assert tab.locator(".pointed").count() == 0
        for _ in range(100):  # charts that come may move the card from under the mouse
            card.hover()
            if tab.locator(".pointed").count():
                break
            tab.mouse.move(0, 0)
        assert tab.locator(".pointed").inner_text().split() == ["2", "Tanh"]
        tab.locator("h3", has_text="Layers").hover()
        assert tab.locator(".pointed").count() == 0
        card.focus()
        assert tab.locator(".pointed").count() == 1
        assert tab.locator("img").count() == 0


def test_health(tab, tmp_path):
    run = fit_digits(tmp_path / "run")
    with served(SavedRun(tmp_path / "run")) as client:
        open_page(tab, client, "health")
        ratios = lines_of(tab, "Update to data")
        assert ratios["0.weight"]["x"] == run.diagnostics.steps
        assert ratios["0.weight"]["y"] == run.diagnostics.parameters["0.weight"]["update_to_data"]
        assert lines_of(tab, "Norms of weights")["2.weight"]["y"] == run.diagnostics.parameters["2.weight"]["norm"]
        shape = tab.locator(".chart").first.locator(".picture").evaluate("node => node.layout.shapes[0].y0")
        assert shape == -3
        assert tab.get_by_label("Layer").input_value() == "1"
        (histograms,) = lines_of(tab, "Activations").values()
        assert histograms["x"] == [step for step, _, _ in run.diagnostics.histograms["1"]]
        assert sum(row[0] ** 2 for row in histograms["z"]) == pytest.approx(100, abs=1)  # drawn are square roots
        (units,) = lines_of(tab, "Units and examples").values()
        assert (len(units["z"]), len(units["z"][0])) == (16, 64)
        share = sum(map(sum, units["z"])) / (16 * 64)
        assert f"{share:.1%} of all".replace("%", " %") in tab.locator("main").inner_text()
        tab.get_by_label("Layer").select_option("2")
        tab.wait_for_selector("text=This layer has no flat part")


def test_a_live_training_is_stopped_from_the_page(tab):
    with training() as live, served(live) as client:
        open_page(tab, client)
        first = figure(tab, "steps")
        until(tab, f"document.querySelector('.figure strong').innerText !== '{first}'")
        tab.get_by_role("button", name="Stop").click()
        tab.wait_for_selector(".top .pill[data-state='stopped']")
        assert live.state() == "stopped"
        assert "Stopped from the page" in tab.locator(".figures").inner_text()
        assert tab.get_by_role("button", name="Resume").count() == 0  # nobody waits for it


def test_the_command_goes_on_when_the_page_asks(tab, tmp_path):
    command = [sys.executable, "-u", "-m", "glassnet", "train", "digits", "--steps", "100000", "--view", "--folder"]
    pipe, both = subprocess.PIPE, subprocess.STDOUT
    with subprocess.Popen([*command, tmp_path / "run"], stdout=pipe, stderr=both, text=True) as process:
        address = next(found[0] for line in process.stdout if (found := re.search(r"http://\S+", line)))
        try:
            tab.goto(address)
            tab.get_by_role("button", name="Stop").click()
            resume = tab.get_by_role("button", name="Resume")
            resume.wait_for()
            inside = "node => node.getBoundingClientRect().right <= node.parentNode.getBoundingClientRect().right"
            assert resume.evaluate(f"node => node.scrollWidth <= node.clientWidth && ({inside})(node)")
            resume.click()
            tab.wait_for_selector(".top .pill[data-state='running']")
            assert tab.get_by_role("button", name="Stop").is_visible()
        finally:
            tab.goto("about:blank")
            process.send_signal(signal.SIGINT)
            output = process.stdout.read()
    assert process.returncode == 130, output
    assert "stopped from the page" in output
    assert "Traceback" not in output


def test_a_training_of_another_process_is_stopped_from_the_page_which_says_how_to_go_on(tab, tmp_path):
    command = [sys.executable, "-u", "-m", "glassnet", "train", "digits", "--steps", "10000000", "--folder"]
    pipe, both = subprocess.PIPE, subprocess.STDOUT
    with subprocess.Popen([*command, tmp_path / "run"], stdout=pipe, stderr=both, text=True) as process:
        next(line for line in process.stdout if line.startswith("epoch"))  # the folder is there
        try:
            with served(SavedRun(tmp_path / "run")) as client:
                open_page(tab, client)
                assert tab.locator(".top .pill").inner_text() == "training elsewhere"
                tab.get_by_role("button", name="Stop").click()
                tab.wait_for_selector(".top .pill[data-state='stopped']")
                said = tab.locator(".figures").inner_text()
        finally:
            process.send_signal(signal.SIGINT)
            output = process.stdout.read()
    assert process.returncode == 130, output
    assert f"Interrupted; go on with: glassnet resume {tmp_path / 'run'}" in said


def test_without_the_token_the_page_says_what_to_do(tab, tmp_path):
    fit(tmp_path / "run")
    with served(SavedRun(tmp_path / "run")) as client:
        answer = tab.goto(f"http://{client.host}/")
        assert answer.status == 403
        assert "copy all of the one that was printed" in tab.inner_text("body")
        tab.expected.append("status of 403")


def test_another_page_gets_nothing(tab, tmp_path):
    """A page of someone else in the same browser, where the user is signed in to this one."""
    fit(tmp_path / "run")
    with served(SavedRun(tmp_path / "run")) as client, served() as other:
        open_page(tab, client)
        (name,) = ids(client)
        tab.goto(other.server.address)
        for address, options in (
            (f"http://{client.host}/api/events", {"mode": "no-cors", "credentials": "include"}),
            (f"http://{client.host}/api/runs/{name}/ask/stop", {"method": "POST", "credentials": "include"}),
        ):
            said = tab.evaluate("([a, o]) => fetch(a, o).then(() => 'answered', () => 'refused')", [address, options])
            assert said == "refused"
        tab.expected += [
            "violates the following Content Security Policy",
            "blocked by CORS",
            "Failed to load",
            "Fetch API",
        ]


def test_a_hostile_run_is_a_card_and_the_others_are_shown(tab, tmp_path):
    fit(tmp_path / "a")
    fit(tmp_path / "b")
    (tmp_path / "b" / CONFIG).write_bytes(b'{"<img src=x onerror=alert(1)>": 1}')
    with served(folder=tmp_path) as client:
        open_page(tab, client)
        assert tab.get_by_role("combobox", name="Run").input_value() == ids(client)[0]
        tab.get_by_role("combobox", name="Run").select_option(label="b")
        tab.wait_for_selector(".card.error:visible")
        assert "it has no seal" in tab.locator(".card.error:visible").inner_text()
        assert tab.locator("img").count() == 0
        tab.get_by_role("combobox", name="Run").select_option(label="a")
        tab.wait_for_selector(".card.error", state="hidden")


def test_the_report_is_opened_from_the_disk(chromium, tab, tmp_path):
    run = fit(tmp_path / "run")
    write_report(runs_in(tmp_path / "run"), tmp_path / "report.html")
    tab.context.set_offline(True)
    asked = []
    tab.on("request", lambda request: asked.append(request.url.split(":")[0]))
    tab.goto(f"file://{tmp_path}/report.html")
    assert lines_of(tab, "Loss")["training"]["y"] == run.history["loss"]
    assert lines_of(tab, "Update to data")["0.weight"]["x"] == run.diagnostics.steps
    assert set(asked) <= {"file", "data", "blob"}
    assert tab.get_by_role("button", name="Stop").count() == 0
    pages = tab.pdf(format="A4").count(b"/Type /Page\n")
    assert 2 <= pages <= 12


def test_keys_alone_reach_everything(tab, tmp_path):
    fit(tmp_path / "run")
    with served(SavedRun(tmp_path / "run")) as client:
        open_page(tab, client)
        reached = set()
        for _ in range(12):
            tab.keyboard.press("Tab")
            reached.add(tab.evaluate("document.activeElement.textContent"))
        assert {"Skip to the panel", "Run", "Health", "log"} <= reached
        tab.get_by_role("link", name="Health").focus()
        tab.keyboard.press("Enter")
        tab.wait_for_selector("a[aria-current]:text('Health')")


def test_light_and_dark(tab, tmp_path):
    fit(tmp_path / "run")
    with served(SavedRun(tmp_path / "run")) as client:
        open_page(tab, client)
        background = "getComputedStyle(document.documentElement).backgroundColor"
        light = tab.evaluate(background)
        button = tab.get_by_role("button", name=re.compile("Colours"))
        button.click()
        assert tab.evaluate(background) == light
        button.click()
        assert tab.evaluate(background) != light
        tab.reload()
        assert tab.evaluate(background) != light
        tab.wait_for_selector(".main-svg")  # or the server ends while charts are being loaded
