"""The layout of expression graphs, by coordinates: nothing overlaps, no edge passes through a box."""

from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import isotonic_regression

from glassnet.plots.expression.layout import MARGIN, SPACE, Run, layout, nearest_places

TOLERANCE = 0.2  # pixels: coordinates are rounded to 0.1

sizes = st.tuples(st.floats(20, 200), st.floats(15, 90))


@st.composite
def graphs(draw):
    """Sizes and inputs of a random graph; a node may lead to another more than once, and some to none."""
    count = draw(st.integers(0, 22))
    inputs = [
        draw(st.lists(st.integers(0, node - 1), max_size=4)) if node and draw(st.integers(0, 3)) else []
        for node in range(count)
    ]
    return draw(st.lists(sizes, min_size=count, max_size=count)), inputs


@st.composite
def trees(draw):
    """Every node but the last leads to one other."""
    count = draw(st.integers(1, 25))
    inputs = [[] for _ in range(count)]
    for node in range(count - 1):
        inputs[draw(st.integers(node + 1, count - 1))].append(node)
    return draw(st.lists(sizes, min_size=count, max_size=count)), inputs


def routes(picture, inputs):
    """For each edge its source, its target and all runs on the way."""
    for target, (sources, edges) in enumerate(zip(inputs, picture.edges, strict=True)):
        for source, edge in zip(sources, edges, strict=True):
            yield source, target, [*picture.trunks[source][: edge.shared], edge.end]


def overlaps(box, left, right, top, bottom):
    """Whether a box and a rectangle share more than an edge."""
    beside = box.x + box.width <= left + TOLERANCE or right <= box.x + TOLERANCE
    return not beside and box.y < bottom - TOLERANCE and top < box.y + box.height - TOLERANCE


@given(graphs())
def test_boxes_keep_their_sizes_and_do_not_overlap(graph):
    picture = layout(*graph)
    assert [(b.width, b.height) for b in picture.boxes] == graph[0]
    for a, b in combinations(picture.boxes, 2):
        assert not overlaps(a, b.x, b.x + b.width, b.y, b.y + b.height)
        if not (a.y + a.height <= b.y or b.y + b.height <= a.y):  # side by side
            assert max(a.x, b.x) - min(a.x + a.width, b.x + b.width) > SPACE - 1
    for box in picture.boxes:
        assert box.x >= MARGIN - TOLERANCE
        assert box.y >= MARGIN - TOLERANCE
        assert box.x + box.width <= picture.width - MARGIN + TOLERANCE
        assert box.y + box.height <= picture.height - MARGIN + TOLERANCE


@given(graphs())
def test_edges_lead_down_from_box_to_box_and_through_no_other(graph):
    _, inputs = graph
    picture = layout(*graph)
    assert sum(1 for _ in routes(picture, inputs)) == sum(map(len, inputs))
    for source, target, runs in routes(picture, inputs):
        start, end = picture.boxes[source], picture.boxes[target]
        assert runs[0].x == pytest.approx(start.x + start.width / 2, abs=TOLERANCE)
        assert runs[0].top == pytest.approx(start.y + start.height)
        assert end.x < runs[-1].x < end.x + end.width
        assert runs[-1].bottom == pytest.approx(end.y)
        bends = [(*sorted((a.x, b.x)), a.bottom, b.top) for a, b in pairwise(runs)]
        assert all(bottom > top for *_, top, bottom in bends)
        assert all(run.bottom >= run.top - 1e-9 for run in runs)
        for left, right, top, bottom in [*((r.x, r.x, r.top, r.bottom) for r in runs), *bends]:
            assert not any(overlaps(box, left - 1, right + 1, top, bottom) for box in picture.boxes)


@given(graphs())
def test_inputs_arrive_in_their_order(graph):
    for edges in layout(*graph).edges:
        arrivals = [edge.end.x for edge in edges]
        assert arrivals == sorted(set(arrivals))


@given(graphs())
def test_the_same_graph_has_the_same_picture(graph):
    assert layout(*graph) == layout(*graph)


@given(trees())
def test_edges_of_a_tree_do_not_cross(tree):
    """There is an order without crossings, and it is found."""
    picture = layout(*tree)
    hops = [(a, b) for _, _, runs in routes(picture, tree[1]) for a, b in pairwise(runs)]
    for (a, b), (c, d) in combinations(hops, 2):
        if a.bottom == c.bottom:
            assert (a.x - c.x) * (b.x - d.x) > 0


def test_crossings_are_removed():
    """A leads to D and b to C, where A, b and C, D are listed in this order: one pair must change places."""
    picture = layout([(40, 20)] * 5, [[], [], [1], [0], [2, 3]])
    a, b, c, d, _ = picture.boxes
    assert (a.x - b.x) * (d.x - c.x) > 0


def test_results_stand_below_each_other_and_leaves_beside():
    inputs = [[], [], [0, 1], [2], [], [3, 4], [5]]
    boxes = layout([(60, 30)] * 7, inputs).boxes
    chain = [boxes[i].x for i in (2, 3, 5, 6)]
    assert max(chain) - min(chain) < 10
    assert boxes[4].x > boxes[3].x + 60


def test_leaves_stand_where_their_edges_arrive():
    picture = layout([(40, 20), (40, 20), (400, 30)], [[], [], [0, 1]])
    for box, edge in zip(picture.boxes, picture.edges[2], strict=False):
        assert box.x + box.width / 2 == pytest.approx(edge.end.x, abs=TOLERANCE)


def test_a_long_edge_goes_around_the_boxes_in_between():
    picture = layout([(60, 30)] * 4, [[], [0], [1], [0, 2]])
    around, through = picture.edges[3]
    assert (around.shared, through.shared) == (3, 1)
    assert len(picture.trunks[0]) == 3
    between = picture.boxes[1]
    assert all(not between.x <= run.x <= between.x + between.width for run in picture.trunks[0][1:])


def test_edges_far_apart_do_not_make_the_layout_slow():
    """A weight that each of 3,000 steps uses: its edges share one trunk, or there would be 4.5 million points."""
    steps = 3_000
    picture = layout([(60, 30)] * (steps + 1), [[], *([i, 0] for i in range(steps))])
    assert sum(map(len, picture.trunks)) < 3 * steps


def test_nothing_and_one():
    assert layout([], []).boxes == []
    picture = layout([(50, 20)], [[]])
    assert (picture.width, picture.height) == (50 + 2 * MARGIN, 20 + 2 * MARGIN)
    assert picture.trunks == [[Run(MARGIN + 25, MARGIN + 20, MARGIN + 20)]]


@given(st.data())
def test_nearest_places_are_the_best_ones(data):
    """Held against SciPy's isotonic regression."""
    count = data.draw(st.integers(1, 12))
    wishes = data.draw(st.lists(st.floats(-500, 500), min_size=count, max_size=count))
    weights = data.draw(st.lists(st.floats(0.1, 10), min_size=count, max_size=count))
    distances = data.draw(st.lists(st.floats(0, 100), min_size=count - 1, max_size=count - 1))
    places = nearest_places(wishes, weights, distances)
    rooms = np.cumsum([0.0, *distances])
    expected = isotonic_regression(np.array(wishes) - rooms, weights=weights).x + rooms
    np.testing.assert_allclose(places, expected, atol=1e-6)
    assert all(b - a >= d - 1e-9 for (a, b), d in zip(pairwise(places), distances, strict=True))
