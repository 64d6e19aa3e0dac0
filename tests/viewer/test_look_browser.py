"""What the page does for the eye in a real browser: on a phone, on paper, and where one run gives way to another."""

import re

import pytest

import glassnet as gn
from glassnet import nn, optim
from glassnet.train.run_folder import CONFIG
from glassnet.viewer.in_memory import FinishedRun
from glassnet.viewer.runs import runs_in
from glassnet.viewer.saved import SavedRun
from glassnet.viewer.server import Server

from .commands import train_points, train_prices
from .pages import Client, fit, fit_digits, served
from .test_browser import figure, open_page, until

pytestmark = pytest.mark.browser

PLACES = "nodes => nodes.map(node => [Number(node.getAttribute('cx')), Number(node.getAttribute('cy'))])"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Runs on digits, on tables of points and of prices, and one that cannot be read."""
    folder = tmp_path_factory.mktemp("runs")
    fit_digits(folder / "digits")
    train_points(folder / "points")
    train_prices(folder / "prices")
    fit(folder / "torn")
    (folder / "torn" / CONFIG).write_text("{")
    return folder


@pytest.fixture
def all_of_them(folder):
    with Server(runs_in(folder)) as server:
        yield Client(server)


def choose(tab, run):
    tab.get_by_role("combobox", name="Run", exact=True).select_option(label=run)


def neurons(tab, stage):
    return tab.locator(f"circle[data-stage='{stage}']").evaluate_all(PLACES)


def test_layers_stand_beside_each_other_and_on_a_phone_below_each_other(tab, folder):
    with served(SavedRun(folder / "digits")) as client:
        open_page(tab, client, "network")
        tab.wait_for_selector("circle.neuron")
        (first, last) = neurons(tab, 1), neurons(tab, 2)
        assert len({x for x, _ in first}) == len({x for x, _ in last}) == 1
        assert first[0][0] < last[0][0]
        tab.set_viewport_size({"width": 390, "height": 800})
        tab.wait_for_selector("svg.network.down")
        (first, last) = neurons(tab, 1), neurons(tab, 2)
        assert len({y for _, y in first}) == len({y for _, y in last}) == 1
        assert first[0][1] < last[0][1]
        assert tab.locator("text.unit-name").all_text_contents() == list("0123456789")
        tab.locator("svg.network").focus()
        tab.locator("circle[data-stage='1']").nth(3).click()
        tab.keyboard.press("ArrowRight")  # along a layer that lies
        tab.wait_for_selector("h3:text('Layer 0, neuron 4')")
        tab.keyboard.press("ArrowDown")
        tab.wait_for_selector("h3:text('Layer 2, neuron 4')")


def test_a_wide_network_does_not_scroll_sideways(tab, tmp_path):
    digits = gn.data.load("digits")
    gn.manual_seed(0)
    layers = [layer for _ in range(4) for layer in (nn.Linear(256, 256), nn.ReLU())]
    net = nn.Sequential(nn.Linear(784, 256), *layers, nn.Linear(256, 10))
    run = gn.fit(
        net, digits, loss=nn.CrossEntropyLoss(), optimizer=optim.SGD(net.parameters(), lr=0.01),
        steps=1, progress=False, doctor=False,
    )  # fmt: skip
    with served(FinishedRun(run)) as client:
        for width in (390, 700, 1024):
            tab.set_viewport_size({"width": width, "height": 800})
            open_page(tab, client, "network")
            tab.wait_for_selector("circle.neuron")
            frame = tab.locator(".network-frame")
            assert frame.evaluate("node => node.scrollWidth <= node.clientWidth")
            drawn = "node => node.getBBox().x >= 0 && node.getBBox().x + node.getBBox().width <= node.clientWidth"
            assert tab.locator("svg.network").evaluate(drawn)
            assert tab.evaluate("document.documentElement.scrollWidth") == width


def test_runs_on_other_data_are_not_laid_over_each_other(tab, all_of_them):
    open_page(tab, all_of_them)
    for run, other in (("digits", "points"), ("points", "digits")):
        choose(tab, run)
        tab.wait_for_selector(f".link[aria-pressed='true']:text-is('{run}')")
        assert tab.get_by_label(f"Show {run}").is_checked()
        assert not tab.get_by_label(f"Show {other}").is_checked()
    tab.get_by_label("Show digits").check()  # who wants it gets it
    tab.wait_for_selector(".legend:has-text('digits')")


def test_a_metric_of_another_run_leaves_with_it(tab, all_of_them):
    open_page(tab, all_of_them)
    shown = {"prices": ("Mean absolute error", "val mean error"), "digits": ("Accuracy", "val accuracy")}
    for run, (title, metric) in shown.items():
        choose(tab, run)
        tab.wait_for_selector(f".charts h3:text-is('{title}')")
        until(tab, "document.querySelectorAll('.charts h3').length === 3")
        assert figure(tab, metric)[0].isdigit()


def test_a_learning_rate_that_stays_is_not_drawn_as_0(tab, tmp_path):
    fit(tmp_path / "run")
    with served(SavedRun(tmp_path / "run")) as client:
        open_page(tab, client)
        card = tab.locator(".chart", has=tab.locator("h3", has_text="Learning rate"))
        card.locator(".main-svg").first.wait_for()
        ranges = card.locator(".picture").evaluate("node => [node.layout.yaxis.range, node.layout.xaxis.dtick]")
        assert ranges == [[0, 0.2], 1]  # its rate is 0.1, and there is no epoch 1.5


def test_a_run_that_no_doctor_watched_is_not_called_healthy(tab, tmp_path):
    for name, doctor, said in (("a", False, "No doctor watched"), ("b", True, "Nothing found that is wrong")):
        run = fit(tmp_path / name, doctor=doctor, epochs=10, batch_size=8)
        with served(FinishedRun(run)) as client:
            open_page(tab, client)
            tab.wait_for_selector(f".doctor:has-text('{said}')" if not run.findings else ".finding")


def test_nothing_of_another_run_stands_beside_an_error(tab, all_of_them):
    open_page(tab, all_of_them, "results")
    choose(tab, "digits")
    tab.wait_for_selector(".matrix button")
    choose(tab, "torn")
    tab.wait_for_selector(".card.error:visible")
    assert not tab.locator(".matrix").is_visible()
    choose(tab, "points")
    tab.wait_for_selector(".matrix button")
    tab.wait_for_selector(".card.error", state="hidden")


def test_an_opened_cell_does_not_follow_to_another_run(tab, all_of_them):
    open_page(tab, all_of_them, "results")
    choose(tab, "digits")
    tab.wait_for_selector(".matrix th:text-is('0')")
    tab.locator(".matrix .wrong").last.click()
    tab.wait_for_selector(".examples h3:text-matches('taken for')")
    choose(tab, "points")
    tab.wait_for_selector(".matrix th:text-matches('[a-z]')")
    tab.wait_for_selector(".examples h3:text-is('Hardest mistakes')")
    assert tab.locator(".matrix [aria-pressed='true']").count() == 0


def test_a_landscape_of_another_run_gives_way_while_one_is_computed(tab, all_of_them):
    open_page(tab, all_of_them, "landscape")
    choose(tab, "digits")
    tab.wait_for_selector(".plane[data-points='33']")
    held = re.compile("part=plane")
    tab.route(held, lambda _route: None)
    choose(tab, "points")
    tab.wait_for_selector(".plane:has-text('Computing it')")
    tab.wait_for_selector(".plane .picture", state="hidden")
    tab.unroute(held)
    tab.wait_for_selector(".plane[data-points='33'] .picture:visible")
    tab.wait_for_selector(".landscapes .chart:last-child .picture:visible")  # nothing is computed when the server ends


def test_back_from_the_pad_to_the_examples(tab, folder):
    with served(SavedRun(folder / "digits")) as client:
        open_page(tab, client, "network")
        tab.locator(".input .tile").nth(2).click()
        tab.get_by_role("button", name="Draw").click()
        tab.locator("canvas.pad").click()
        tab.wait_for_selector(".verdict:has-text('your drawing')")
        tab.get_by_role("button", name="Examples").click()
        tab.wait_for_selector(".verdict:has-text('test row')")
        tab.wait_for_selector(".input .tile:nth-child(3)[aria-pressed='true']")
        tab.get_by_role("button", name="Draw").click()
        tab.wait_for_selector(".verdict:has-text('your drawing')")


def test_one_record_is_said_to_be_one_and_maps_keep_their_own_ticks(tab, tmp_path):
    fit(tmp_path / "run", diagnostics=100)
    with served(SavedRun(tmp_path / "run")) as client:
        open_page(tab, client, "health")
        tab.wait_for_selector("text=Only the first step is recorded")
        for title, ticks in (("Norms of weights", 1), ("Units and examples", None)):
            card = tab.locator(".chart", has=tab.locator("h3", has_text=title))
            card.scroll_into_view_if_needed()
            card.locator(".main-svg").first.wait_for()
            axis = card.locator(".picture").evaluate("node => [node.layout.xaxis.tick0, node.layout.xaxis.dtick]")
            assert (axis == [0, 1]) == (ticks is not None)


def test_ticks_of_logarithmic_axes_are_written_out(tab, folder):
    with served(SavedRun(folder / "digits")) as client:
        open_page(tab, client, "health")
        card = tab.locator(".chart", has=tab.locator("h3", has_text=re.compile("^Gradient to data$")))
        card.scroll_into_view_if_needed()
        card.locator(".main-svg").first.wait_for()
        axis = card.locator(".picture").evaluate("node => [node.layout.yaxis.tickvals, node.layout.yaxis.ticktext]")
        assert [float(text) for text in axis[1]] == pytest.approx(axis[0])
        assert len(axis[1]) > 3


def test_on_paper_the_page_is_light_and_as_wide_as_a_sheet(tab, folder):
    with served(SavedRun(folder / "digits")) as client:
        tab.emulate_media(color_scheme="dark")
        open_page(tab, client, "health")
        tab.wait_for_selector(".main-svg")
        paper = "getComputedStyle(document.documentElement).getPropertyValue('--card').trim()"
        dark = tab.evaluate(paper)
        tab.evaluate("window.dispatchEvent(new Event('beforeprint'))")
        until(tab, "[...document.querySelectorAll('.main-svg')].every(one => one.clientWidth < 718)")
        assert tab.evaluate(paper) == "#ffffff" != dark
        tab.evaluate("window.dispatchEvent(new Event('afterprint'))")
        until(tab, f"{paper} === '{dark}'")
        assert tab.evaluate("document.documentElement.dataset.theme") == "auto"


def test_there_are_no_empty_cards_while_the_first_answer_is_computed(tab, folder):
    with served(SavedRun(folder / "digits")) as client:
        held = re.compile("/api/.*/results")
        tab.route(held, lambda _route: None)
        open_page(tab, client, "results")
        tab.wait_for_selector("text=Just a moment")
        assert not tab.locator("main .card").first.is_visible()
        tab.unroute(held)
        tab.wait_for_selector(".matrix button")
        assert not tab.locator("text=Just a moment").is_visible()
