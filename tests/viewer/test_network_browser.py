"""The panels of the network and of backpropagation in a real browser: what is drawn, typed, pointed at and stepped
through, against the numbers of the engine.
"""

import re

import numpy as np
import pytest

import glassnet as gn
from glassnet.viewer.examples import example
from glassnet.viewer.expressions import Expression
from glassnet.viewer.query import Query
from glassnet.viewer.report import write_report
from glassnet.viewer.runs import runs_in
from glassnet.viewer.saved import SavedRun

from .pages import fit, fit_digits, served, training
from .test_browser import open_page
from .test_network import DIGITS, engine, names  # noqa: F401  # a fixture

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("digits") / "run"
    fit_digits(folder, steps=None, epochs=4)
    return folder


def number(text):
    """A number as the page writes it."""
    return float(text.replace("= ", "").replace("· ", "").replace("−", "-").replace(",", ""))


def draw(tab, *strokes):
    """Draw strokes of points from (0, 0) to (1, 1) with the mouse."""
    box = tab.locator("canvas.pad").bounding_box()
    for first, *rest in strokes:
        points = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in (first, *rest)]
        tab.mouse.move(*points[0])
        tab.mouse.down()
        for point in points[1:]:
            tab.mouse.move(*point, steps=4)
        tab.mouse.up()


def shown_answer(tab):
    return tab.locator(".verdict .answer").inner_text()


def soon(tab, check):
    """A check that holds once the page has its answer; the last time, its own error is raised."""
    for _ in range(50):
        try:
            return check()
        except AssertionError:
            tab.wait_for_timeout(200)
    return check()


def test_a_drawn_digit_is_recognised(tab, folder):
    run, asked = SavedRun(folder), []
    tab.on("request", lambda request: asked.append(request.url) if "drawn=" in request.url else None)
    with served(run) as client:
        open_page(tab, client, "network")
        tab.get_by_role("button", name="Draw").click()
        draw(tab, [(0.3, 0.22), (0.72, 0.22), (0.45, 0.85)])
        tab.wait_for_selector(".verdict:has-text('your drawing')")
        tab.wait_for_selector(".verdict .answer:text-is('7')")  # what was drawn at first can be another
        tab.wait_for_load_state("networkidle")
        pixels = re.search(r"drawn=([0-9a-f]{3136})", asked[-1])[1]
        net = run.network()
        probabilities = net.predict_proba(example(net, run.dataset(), Query({"drawn": pixels})).x)[0]
        assert probabilities.argmax() == 7
        tab.wait_for_selector(f".verdict .share:text-is('{100 * probabilities[7]:.1f} %')")
        tab.get_by_role("button", name="Clear").click()
        draw(tab, [(0.52, 0.15), (0.5, 0.85)])
        tab.wait_for_selector(".verdict .answer:text-is('1')")


def test_a_finger_draws_as_well(chromium, folder):
    context = chromium.new_context(viewport={"width": 390, "height": 800}, has_touch=True, is_mobile=True)
    tab = context.new_page()
    with served(SavedRun(folder)) as client:
        open_page(tab, client, "network")
        tab.get_by_role("button", name="Draw").tap()
        tab.locator("canvas.pad").scroll_into_view_if_needed()
        box = tab.locator("canvas.pad").bounding_box()
        session = context.new_cdp_session(tab)
        points = [(0.52, 0.15 + 0.07 * i) for i in range(11)]
        for kind, (x, y) in zip(["touchStart", *["touchMove"] * 10], points, strict=True):
            at = {"x": box["x"] + x * box["width"], "y": box["y"] + y * box["height"]}
            session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [at]})
        session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        tab.wait_for_selector(".verdict:has-text('your drawing')")
        assert shown_answer(tab) == "1"
        assert tab.evaluate("document.documentElement.scrollWidth") == 390
    context.close()


def test_an_example_flows_through_the_network_and_a_neuron_says_its_equation(tab, folder):
    run = SavedRun(folder)
    net = run.network()
    with served(run) as client:
        open_page(tab, client, "network")
        tab.get_by_label("Row of the test split").fill("3")
        tab.get_by_label("Row of the test split").press("Enter")
        tab.wait_for_selector(".verdict:has-text('test row 3')")
        _, (z, hidden, _) = engine(net, 3)
        assert shown_answer(tab) == str(net.predict(DIGITS.test.x[3:4])[0])
        circles = tab.locator("circle[data-stage='1']")
        assert circles.count() == 16
        shares = circles.evaluate_all("nodes => nodes.map(n => parseFloat(n.style.getPropertyValue('--share')) / 100)")
        np.testing.assert_allclose(shares, hidden.data[0] / hidden.data[0].max(), atol=0.002)
        neuron = int(np.abs(z.grad[0]).argmax())
        circles.nth(neuron).click()
        tab.wait_for_selector(f"h3:text('Layer 0, neuron {neuron}')")
        assert number(tab.locator(".equation .total td").nth(1).inner_text()) == pytest.approx(
            z.data[0, neuron], rel=1e-3
        )
        assert number(tab.locator(".equation .total td").nth(2).inner_text()) == pytest.approx(
            z.grad[0, neuron], rel=1e-2
        )
        assert tab.locator("canvas.weights").is_visible()
        assert tab.locator(".neuron-cards .tile").count() == 12
        tab.locator("svg.network").focus()
        tab.keyboard.press("ArrowDown")
        tab.wait_for_selector(f"h3:text('Layer 0, neuron {min(neuron + 1, 15)}')")
        tab.get_by_role("button", name="gradients").click()
        below = circles.evaluate_all("nodes => nodes.map(n => n.classList.contains('below'))")
        assert below == (hidden.grad[0] < 0).tolist()


def test_the_slider_goes_through_the_training(tab, folder):
    with served(SavedRun(folder)) as client:
        open_page(tab, client, "network")
        tab.wait_for_selector(".verdict:has-text('final') , .when:has-text('final weights')")
        slider = tab.get_by_label("Epoch")
        assert slider.get_attribute("max") == "5"  # after the epochs 0, 1, 2, 3 and 4, and now
        slider.focus()
        tab.keyboard.press("Home")
        tab.wait_for_selector(".when:has-text('before training')")
        tab.keyboard.press("ArrowRight")
        tab.wait_for_selector(".when:has-text('after epoch 1')")
        tab.get_by_role("button", name="watch it learn").click()
        tab.wait_for_selector(".when:has-text('after epoch 3')")
        tab.wait_for_selector(".when:has-text('final weights')")


def test_a_typed_name(tab, names):  # noqa: F811
    data = names.dataset()
    with served(names) as client:
        open_page(tab, client, "network")
        tab.get_by_role("button", name="Type").click()
        tab.get_by_label("A text").fill("Emma")
        tab.wait_for_selector(".letter")
        x, y = gn.data.contexts(["emma"], data.vocabulary, 4)
        likely = names.network().predict_proba(x)[np.arange(5), y]
        assert tab.locator(".letter span").all_inner_texts() == [f"{100 * p:.1f} %" for p in likely]
        tab.locator(".letter").nth(1).click()
        tab.wait_for_selector(".verdict:has-text('after “...e”')")
        tab.get_by_label("A text").fill("<b>")
        tab.wait_for_selector("main .bad:visible")
        assert "not in the vocabulary" in tab.locator("main .bad:visible").inner_text()
        tab.expected.append("status of 422")


def test_stepping_through_an_expression_shows_the_numbers_of_the_engine(tab, folder):
    with served(SavedRun(folder)) as client:
        open_page(tab, client, "backprop")
        tab.wait_for_selector(".values input")
        tab.get_by_label("An expression").fill("(a + a) * tanh(b)")
        tab.get_by_label("An expression").press("Enter")
        tab.wait_for_selector(".box:has-text('tanh')")
        tab.get_by_label("a", exact=True).fill("3")
        tab.get_by_label("a", exact=True).press("Enter")
        tab.wait_for_selector(".box:has(.box-title:text-is('a')) .box-value:text-is('3')")
        expression = Expression("(a + a) * tanh(b)", {"a": 3.0, "b": -3.0})  # b keeps its value
        expression.output.backward()
        wanted = {name: float(leaf.grad) for name, leaf in expression.leaves.items()}
        step = tab.get_by_role("button", name="One step on")
        seen = {}
        words = []
        while "Backward 3 of 3" not in tab.locator(".where").inner_text():
            step.click()
            words.append(tab.locator(".where").inner_text())
            for one in tab.locator(".pass").all():
                seen[one.inner_text().split(" ")[0]] = float(one.get_attribute("data-after"))
        assert words == [*(f"Forward {i} of 3" for i in (1, 2, 3)), *(f"Backward {i} of 3" for i in (1, 2, 3))]
        assert seen["∂L/∂a"] == pytest.approx(wanted["a"], rel=1e-5)
        assert seen["∂L/∂b"] == pytest.approx(wanted["b"], rel=1e-5)
        assert "had arrived" in tab.locator(".pass").nth(1).inner_text()  # a is used twice
        box = tab.locator(".box", has=tab.locator(".box-title", has_text=re.compile("^a$")))
        assert number(box.locator(".box-gradient").text_content().removeprefix("grad ")) == pytest.approx(
            wanted["a"], rel=1e-3
        )
        tab.get_by_role("button", name="One step back").click()
        assert "Backward 2 of 3" in tab.locator(".where").inner_text()
        tab.get_by_role("button", name="To the beginning").click()
        assert tab.locator(".box-gradient").all_text_contents() == [""] * 5
        assert tab.locator(".unknown").count() == 3


def test_stepping_back_through_a_neuron_and_the_layers_shows_the_gradients_of_the_engine(tab, folder):
    run = SavedRun(folder)
    net = run.network()
    row = int(np.flatnonzero(net.predict(DIGITS.test.x) != DIGITS.test.y)[0])  # a mistake has a large loss
    loss, (z, _, _) = engine(net, row)
    neuron = int(np.abs(z.grad[0]).argmax())
    with served(run) as client:
        open_page(tab, client, "backprop")
        tab.get_by_role("button", name="A neuron").click()
        tab.wait_for_selector(".box:has-text('relu')")
        for label, value in (("example", row), ("neuron", neuron)):
            tab.get_by_label(label).fill(str(value))
            tab.get_by_label(label).press("Enter")

        def the_neuron():
            tab.get_by_role("button", name="To the end").click()
            boxes = tab.locator(".box").all()
            found = {
                box.locator(".box-title").text_content(): box.locator(".box-gradient").text_content() for box in boxes
            }
            weights = {int(name[2:-1]): text for name, text in found.items() if name.startswith("w[")}
            assert len(weights) == 3
            for source, text in weights.items():
                wanted = net[0].weight.grad[source, neuron]
                assert number(text.removeprefix("grad ")) == pytest.approx(wanted, rel=1e-2)

        def the_layers():
            tab.get_by_role("button", name="To the end").click()
            value = tab.locator(".box:has-text('CrossEntropyLoss') .box-value")
            assert number(value.text_content()) == pytest.approx(loss.item(), rel=1e-3)
            weight = tab.locator(".pass", has_text="∂L/∂weight").inner_text()
            assert f"mean {net[0].weight.grad.mean(dtype=float):.3g}" in weight

        soon(tab, the_neuron)
        tab.get_by_role("button", name="All layers").click()
        tab.wait_for_selector(".box:has-text('CrossEntropyLoss')")
        tab.get_by_label("example").fill(str(row))
        tab.get_by_label("example").press("Enter")
        soon(tab, the_layers)


def test_a_training_is_seen_while_it_goes_on(tab):
    with training() as live, served(live) as client:
        open_page(tab, client, "network")
        tab.wait_for_selector("circle.neuron")
        tab.wait_for_selector(".when:has-text('now')")
        for _ in range(2):  # again and again, as the weights change
            with tab.expect_response(lambda response: "/flow" in response.url) as found:
                pass
            assert found.value.ok
        tab.get_by_label("Epoch").focus()
        tab.keyboard.press("Home")
        tab.wait_for_selector(".when:has-text('before training')")


def test_a_report_shows_its_choice_without_a_server(tab, folder, tmp_path):
    write_report(runs_in(folder), tmp_path / "report.html")
    assert (tmp_path / "report.html").stat().st_size < 6_000_000
    tab.context.set_offline(True)
    tab.goto(f"file://{tmp_path}/report.html#network")
    tab.wait_for_selector(".equation .total")
    assert tab.get_by_role("button", name="Draw").count() == 0
    tab.locator(".input .tile").nth(3).click()
    tab.wait_for_selector(".input .tile:nth-child(4)[aria-pressed='true']")
    slider = tab.get_by_label("Epoch")
    slider.focus()
    tab.keyboard.press("Home")
    tab.wait_for_selector(".when:has-text('before training')")
    tab.locator("circle[data-stage='1']").nth(2).click()
    assert tab.locator("main .bad:visible").count() == 0
    tab.goto(f"file://{tmp_path}/report.html#backprop")
    tab.wait_for_selector(".box")
    for name, inside in (("A neuron", "relu"), ("All layers", "CrossEntropyLoss"), ("Expression", "multiply")):
        tab.get_by_role("button", name=name).click()
        tab.wait_for_selector(f".box:has-text('{inside}')")
    assert tab.locator("main .bad:visible").count() == 0


def test_a_run_of_a_program_that_keeps_no_rows_says_what_to_type(tab, tmp_path):
    fit(tmp_path / "run", keep_rows=0)
    with served(SavedRun(tmp_path / "run")) as client:
        open_page(tab, client, "network")
        tab.wait_for_selector(".card.error:visible:has-text('glassnet.view(run)')")
        tab.goto(f"http://{client.host}/#backprop")
        tab.wait_for_selector(".box:has-text('multiply')")  # an expression needs no data
        assert tab.get_by_role("button", name="A neuron").count() == 0
        tab.expected.append("status of 422")


def test_a_run_of_a_program_is_shown_with_the_rows_that_it_kept(tab, tmp_path):
    fit(tmp_path / "run", keep_rows=16)
    with served(SavedRun(tmp_path / "run")) as client:
        open_page(tab, client, "network")
        tab.wait_for_selector("circle[data-stage='1']")
        assert "Of the 18 val rows, 16 are known here." in tab.locator("main").inner_text()
        tab.goto(f"http://{client.host}/#results")
        tab.wait_for_selector(".figure:has-text('16 of 18 rows')")
