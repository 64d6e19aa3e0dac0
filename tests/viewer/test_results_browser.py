"""The panels of the landscape and of data and results in a real browser."""

import re

import numpy as np
import pytest

import glassnet as gn
from glassnet.models import character_losses
from glassnet.viewer.panels import landscape, results
from glassnet.viewer.query import Query
from glassnet.viewer.report import write_report
from glassnet.viewer.runs import runs_in
from glassnet.viewer.saved import SavedRun

from .commands import train_names, train_points, train_prices
from .pages import fit, fit_digits, served, training
from .test_browser import figure, lines_of, open_page, until

pytestmark = pytest.mark.browser


def traces(tab, title):
    """What plotly has drawn in the chart with this title."""
    chart = tab.locator(".chart", has=tab.locator("h3", has_text=re.compile(rf"^{title}$"))).locator(".picture")
    chart.locator(".main-svg").first.wait_for()
    return chart.evaluate("node => node.data.map(t => ({type: t.type, x: t.x, y: t.y, z: t.z, data: t.customdata}))")


def test_the_landscape(tab, tmp_path):
    train_points(tmp_path / "run")
    run = SavedRun(tmp_path / "run")
    with served(run) as client:
        open_page(tab, client, "landscape")
        tab.wait_for_selector(".plane[data-points='33']")
        surface, way = traces(tab, "Plane")
        expected = landscape.data(run, Query({"part": "plane", "kind": "path", "level": "2"}))
        assert surface["data"] == expected["z"]
        np.testing.assert_allclose(surface["z"], np.log10(expected["z"]))
        assert way["x"] == [one["x"] for one in expected["way"]]
        assert way["data"] == [one["loss"] for one in expected["way"]]
        line = lines_of(tab, "Line")
        assert line["training"]["y"] == landscape.data(run, Query({"part": "line"}))["lines"]["training"]
        sweep = landscape.data(run, Query({"part": "rates"}))
        assert [trace["y"] for trace in traces(tab, "Learning rates")] == [sweep["losses"], sweep["smoothed"]]
        tab.get_by_label("Which plane").select_option("around")
        tab.wait_for_selector("text=Two random directions")
        until(tab, "document.querySelector('.plane .picture').data[1].x.length === 1")
        tab.get_by_label("From").select_option("1")
        tab.wait_for_selector("text=from the weights of “epoch 1”")
        other = landscape.data(run, Query({"part": "line", "from": "1"}))
        until(tab, f"document.querySelectorAll('.picture')[1].data[0].y[0] === {other['lines']['training'][0]!r}")


def test_the_landscape_of_a_running_training_is_computed_when_asked_for(tab):
    with training() as live, served(live) as client:
        open_page(tab, client, "landscape")
        tab.wait_for_selector("text=it is computed when you ask for it")
        assert tab.locator(".main-svg").count() == 0
        tab.get_by_role("button", name="Compute it now").click()
        tab.wait_for_selector(".plane[data-points='33']")
        assert traces(tab, "Plane")[0]["type"] == "contour"
        tab.wait_for_selector("text=Known for runs of the command")


def test_the_matrix_opens_the_mistakes(tab, tmp_path):
    fit_digits(tmp_path / "run")
    run = SavedRun(tmp_path / "run")
    expected = gn.evaluate(run.network(), run.dataset())
    counts = expected.confusion.copy()
    np.fill_diagonal(counts, 0)
    true, predicted = np.unravel_index(counts.argmax(), counts.shape)
    with served(run) as client:
        open_page(tab, client, "results")
        tab.wait_for_selector(".matrix button")
        assert figure(tab, "accuracy") == f"{100 * expected['accuracy']:.1f} %"
        assert tab.locator(".matrix button").count() == (expected.confusion > 0).sum()
        assert tab.locator(".examples h3").inner_text() == "Hardest mistakes"
        cell = tab.locator(f".matrix [data-true='{true}'][data-predicted='{predicted}']")
        assert cell.inner_text() == str(counts.max())
        cell.click()
        tab.wait_for_selector(f".examples h3:text-is('{true} taken for {predicted}')")
        rows = results.data(run, Query({"part": "cell", "true": str(true), "predicted": str(predicted)}))["examples"]
        assert tab.locator(".examples canvas").count() == len(rows)
        pixels = tab.locator(".examples canvas").first.evaluate(
            "node => [...node.getContext('2d').getImageData(0, 0, 28, 28).data].filter((_, i) => i % 4 === 0)"
        )
        style = (
            "name => parseInt(getComputedStyle(document.documentElement).getPropertyValue(name).trim().slice(1, 3), 16)"
        )
        paper, ink = (tab.evaluate(style, name) for name in ("--field", "--ink"))
        shares = (paper - np.array(pixels)) / (paper - ink)  # as the other pictures of the page: ink on paper
        np.testing.assert_allclose(shares, run.dataset().test.x[rows[0]["row"]], atol=1 / 200)
        assert cell.get_attribute("aria-pressed") == "true"
        tab.get_by_role("button", name="close").click()
        tab.wait_for_selector(".examples h3:text-is('Hardest mistakes')")
        assert cell.get_attribute("aria-pressed") == "false"
        scores = tab.locator(".scores tbody tr").nth(3).inner_text().split("\t")
        assert scores[2].strip() == f"{100 * expected.per_class['3']['precision']:.1f} %"


def test_the_matrix_is_walked_with_the_keys(tab, tmp_path):
    fit_digits(tmp_path / "run")
    with served(SavedRun(tmp_path / "run")) as client:
        open_page(tab, client, "results")
        tab.wait_for_selector(".matrix button")
        assert tab.locator(".matrix button[tabindex='0']").count() == 1
        tab.locator(".matrix button[tabindex='0']").focus()
        tab.keyboard.press("ArrowDown")
        there = tab.evaluate("[document.activeElement.dataset.true, document.activeElement.dataset.predicted]")
        assert int(there[0]) > 0
        assert tab.locator(".matrix button[tabindex='0']").count() == 1
        tab.keyboard.press("Enter")
        tab.wait_for_selector(".examples h3:text-matches('(taken for|rightly)')")


def test_another_split_is_chosen(tab, tmp_path):
    fit_digits(tmp_path / "run")
    run = SavedRun(tmp_path / "run")
    with served(run) as client:
        open_page(tab, client, "results")
        tab.get_by_label("Rows").select_option("val")
        expected = gn.evaluate(run.network(), run.dataset().val)
        tab.wait_for_selector(f".figure:has(> span:text-is('loss')) > strong:text-is('{expected['loss']:.4g}')")


def test_the_decision_boundary_as_it_forms(tab, tmp_path):
    train_points(tmp_path / "run")
    run = SavedRun(tmp_path / "run")
    names = results.data(run, Query({"part": "boundary"}))["moments"]
    first, last = (
        results.data(run, Query({"part": "boundary", "moment": str(number)})) for number in (0, len(names) - 1)
    )
    with served(run) as client:
        open_page(tab, client, "results")
        classes, sure, dots = traces(tab, "Decision boundary")
        assert classes["z"] == last["class"].tolist()
        assert sure["z"] == last["sure"].tolist()
        assert len(dots["x"]) == len(run.dataset().train)
        slider = tab.get_by_label("Moment of the training")
        assert slider.get_attribute("aria-valuetext") == names[-1]
        slider.focus()
        tab.keyboard.press("Home")
        tab.wait_for_selector(".moment:text-is('start')")
        corner = "document.querySelector('.chart:has(.player) .picture').data[1].z[0][0]"
        until(tab, f"{corner} === {first['sure'][0, 0]}")
        assert traces(tab, "Decision boundary")[1]["z"] == first["sure"].tolist() != sure["z"]
        tab.get_by_role("button", name="Play").click()
        tab.wait_for_selector(f".moment:text-is('{names[-1]}')")
        tab.get_by_role("button", name="Play").wait_for()
        header = tab.locator(".examples th").all_inner_texts()
        assert header == [
            "true",
            "probability",
            "predicted",
            "probability",
            "metres",
            "<b>degrees",
        ]
        assert tab.locator(".examples th b").count() == 0


def test_quantities(tab, tmp_path):
    train_prices(tmp_path / "run")
    run = SavedRun(tmp_path / "run")
    expected = results.data(run, Query())
    with served(run) as client:
        open_page(tab, client, "results")
        _, dots = traces(tab, "Predicted and true")
        assert dots["x"] == expected["true"]
        assert dots["y"] == expected["predicted"]
        assert tab.locator(".examples h3").inner_text() == "Largest errors"
        assert tab.locator(".examples tbody tr").count() == 12
        assert tab.locator(".matrix").is_hidden()


def test_a_language_model(tab, tmp_path):
    train_names(tmp_path / "run")
    run = SavedRun(tmp_path / "run")
    with served(run) as client:
        open_page(tab, client, "results")
        tab.wait_for_selector(".items li")
        expected = results.data(run, Query({"part": "samples"}))["items"]
        texts = [text.replace("\n", "") for text in tab.locator(".items .scored").all_inner_texts()]
        assert texts == ["".join(item["characters"]) for item in expected]
        tab.get_by_role("button", name="Draw others").click()
        until(tab, f"document.querySelector('.items .scored').innerText !== {texts[0]!r}")
        tab.get_by_label("A text of your own").fill("anna")
        tab.keyboard.press("Enter")
        tab.wait_for_selector(".each li")
        losses = character_losses(run.network(), run.dataset().vocabulary, 3, "anna")
        shown = [float(one.split("\n")[1]) for one in tab.locator(".each li").all_inner_texts()]
        np.testing.assert_allclose(shown, losses, atol=1e-3)
        chart = tab.locator(".chart", has=tab.locator("h3", has_text="Embedding"))
        chart.scroll_into_view_if_needed()  # what nobody sees is not drawn
        chart.locator(".main-svg").first.wait_for()
        labels = chart.locator(".picture").evaluate("node => node.data.flatMap(t => t.text)")
        assert sorted(labels) == sorted(run.dataset().vocabulary.symbols)
        tab.expected = [*tab.expected, "422"]  # the browser notes the refusal
        tab.get_by_label("A text of your own").fill("<b>")
        tab.keyboard.press("Enter")
        tab.wait_for_selector(".typed .bad:text-matches('not in the vocabulary')")


def test_results_beside_a_training_follow_it(tab):
    with training() as live, served(live) as client:
        open_page(tab, client, "results")
        tab.wait_for_selector(".matrix button")
        assert tab.get_by_label("Rows").input_value() == "val"
        first = figure(tab, "loss")
        until(tab, f"document.querySelectorAll('.figure strong')[0].innerText !== '{first}'")


def test_a_run_without_its_data_is_a_card(tab, tmp_path):
    fit(tmp_path / "run", keep_rows=0)
    with served(SavedRun(tmp_path / "run")) as client:
        tab.expected = [*tab.expected, "422"]
        for panel in ("landscape", "results"):
            open_page(tab, client, panel)
            tab.wait_for_selector(".card.error p:text-matches('this needs rows of the data')")


def test_a_report_opens_the_cells_without_a_server(tab, tmp_path):
    fit_digits(tmp_path / "run")
    run = SavedRun(tmp_path / "run")
    write_report(runs_in(tmp_path / "run"), tmp_path / "report.html")
    counts = gn.evaluate(run.network(), run.dataset()).confusion
    np.fill_diagonal(counts, 0)
    true, predicted = np.unravel_index(counts.argmax(), counts.shape)
    tab.goto(f"file://{tmp_path / 'report.html'}#results")
    tab.locator(f".matrix [data-true='{true}'][data-predicted='{predicted}']").click()
    tab.wait_for_selector(f".examples h3:text-is('{true} taken for {predicted}')")
    assert tab.locator(".examples canvas").count() == 24
    tab.wait_for_selector(".plane[data-points='33']")
    assert len(traces(tab, "Plane")[0]["z"]) == 33
    assert lines_of(tab, "Line")["training"]["x"][0] == -0.5
    assert tab.get_by_role("button", name="Draw others").count() == 0
