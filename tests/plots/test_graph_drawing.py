"""Expression graphs as DOT and as SVG, in notebooks and in files."""

import re
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

import glassnet as gn
from glassnet.engine.errors import ConfigError

from .expressions import classifier, edges_of, leaf, neuron, titles

SVG = "{http://www.w3.org/2000/svg}"


def read_dot(text):
    """Labels by node and edges, read from DOT as this library writes it: quoted strings are unescaped."""
    quoted = r'"((?:[^"\\]|\\.)*)"'
    labels = {}
    for number, label, _ in re.findall(rf"^  n(\d+) \[label={quoted}, tooltip={quoted}, style=", text, re.MULTILINE):
        labels[int(number)] = re.sub(r"\\(.)", lambda m: "\n" if m[1] == "n" else m[1], label).replace("&amp;", "&")
    edges = [
        (int(a), int(b)) for a, b in re.findall(r"^  n(\d+) -> n(\d+)(?: \[style=dashed\])?;$", text, re.MULTILINE)
    ]
    return labels, edges


def read_svg(graph):
    return ET.fromstring(graph.svg())  # noqa: S314  # of our own making


def texts_of(graph):
    return [element.text for element in read_svg(graph).iter(f"{SVG}text")]


# DOT


def test_dot_has_every_node_and_edge():
    net, x, y, loss = classifier()
    graph = gn.graph(loss, net, names={"x": x, "y": y})
    labels, edges = read_dot(graph.dot())
    assert edges == edges_of(graph)
    assert [labels[i].split("\n")[0] for i in range(len(graph.nodes))] == titles(graph)
    node = next(node for node in graph.nodes if node.operation == "tanh")
    assert f"tanh\n(8, 4)\n{node.value}\ngrad {node.gradient}\nlayer 2 (Tanh)" in labels.values()
    assert graph.dot().startswith("digraph expression {\n")
    assert graph.dot().endswith("}\n")


# SVG


def test_svg_has_every_box_edge_and_tooltip():
    net, x, y, loss = classifier()
    graph = gn.graph(loss, net, names={"x": x, "y": y})
    root = read_svg(graph)
    groups = root.findall(f"{SVG}g")
    assert len(groups) == len(graph.nodes)
    for group, node in zip(groups, graph.nodes, strict=True):
        assert group.find(f"{SVG}title").text == node.details
        texts = [text.text for text in group.iter(f"{SVG}text")]
        assert texts == [line for line in [node.title, *node.lines, node.gradient_line, node.layer_line] if line]
    heads = [path for path in root.findall(f"{SVG}path") if path.get("fill") != "none"]
    assert len(heads) == len(edges_of(graph))
    assert not [e for e in root.iter() if "id" in e.attrib or e.tag == f"{SVG}style"]  # many fit into one page


def test_lines_from_a_constant_are_dashed():
    """Of the two boxes above, that of the number is lower and has a line down to where its edge begins."""
    lines = [p for p in read_svg(gn.graph(leaf(3.0) * 2.0)).findall(f"{SVG}path") if p.get("fill") == "none"]
    assert ["stroke-dasharray" in line.attrib for line in lines] == [True, False, True]


def test_kinds_look_different():
    net, _, _, loss = classifier()
    extra = leaf(1.0)
    looks = {}
    for collapse in (False, True):
        graph = gn.graph(loss * extra, net, collapse=collapse)
        groups = read_svg(graph).findall(f"{SVG}g")
        for group, node in zip(groups, graph.nodes, strict=True):
            looks[node.kind] = group.find(f"{SVG}rect").get("fill")
    assert looks.keys() == {"constant", "leaf", "parameter", "operation", "layer"}
    assert len(set(looks.values())) == 5


def test_text_fits_into_its_box():
    """Boxes grow with what is written in them; what is too long is shortened, and whole in the tooltip."""
    long = "a" * 30 + "b" * 3000
    widths = {}
    for name in ("x", "weight of the first layer", long):
        x = leaf(1.0)
        graph = gn.graph(x * 2.0, names={name: x})
        group = read_svg(graph).find(f"{SVG}g")
        widths[name] = float(group.find(f"{SVG}rect").get("width"))
        assert name in group.find(f"{SVG}title").text
    assert widths["x"] < widths["weight of the first layer"] < widths[long] < 500


@given(st.text(min_size=1, max_size=20).filter(lambda name: not name.startswith("_")))
def test_any_name_is_escaped(name):
    x = leaf(1.0)
    graph = gn.graph(x * 2.0, names={name: x})
    shown = graph.nodes[0].title
    assert len(shown) == len(name)
    assert [a for a, b in zip(shown, name, strict=True) if a != b and a not in " \N{REPLACEMENT CHARACTER}"] == []
    assert shown in texts_of(graph)
    labels, edges = read_dot(graph.dot())
    assert labels[0].split("\n")[0] == shown
    assert edges == [(0, 2), (1, 2)]


@pytest.mark.parametrize("name", ["<b>&amp;</b>", '"]; evil [', "\\N\\", "a\nb", "\x00\x1b", "\ud800", "日本語"])
def test_awkward_names(name):
    x = leaf(1.0)
    graph = gn.graph(x * 2.0, names={name: x})
    assert graph.nodes[0].title in texts_of(graph)
    assert read_dot(graph.dot())[0][0].startswith(graph.nodes[0].title + "\n")
    assert "\n" not in graph.nodes[0].title
    assert read_svg(graph).find(f"{SVG}g/{SVG}title").text == graph.nodes[0].details
    graph.dot().encode()


# As a whole


def test_the_same_expression_has_the_same_picture():
    texts = set()
    for _ in range(2):
        net, x, _, loss = classifier()
        graph = gn.graph(loss, net, names={"x": x})
        texts.add(graph.svg() + graph.dot())
    assert len(texts) == 1


def test_a_notebook_shows_the_svg():
    o, names = neuron()
    graph = gn.graph(o, names=names)
    assert graph._repr_svg_() == graph.svg()
    assert repr(graph) == "<graph of 10 nodes; save(path) draws it>"


def test_a_chain_of_5000_does_not_recurse():
    w = leaf(1.0)
    y = w
    for _ in range(5_000):
        y = y * w
    graph = gn.graph(y, max_nodes=10_000)
    assert len(graph.nodes) == 5_001
    assert graph.nodes[0].gradient == "5001"
    assert graph.dot().count("->") == 10_000
    assert len(read_svg(graph).findall(f"{SVG}g")) == 5_001


def test_save(tmp_path):
    o, names = neuron()
    graph = gn.graph(o, names=names)
    assert graph.save(tmp_path / "neuron.svg").read_text(encoding="utf-8") == graph.svg()
    assert graph.save(str(tmp_path / "neuron.DOT")).read_text(encoding="utf-8") == graph.dot()
    with pytest.raises(ConfigError, match=r"ends in \.svg or \.dot, got .*neuron\.png"):
        graph.save(tmp_path / "neuron.png")
    with pytest.raises(ConfigError, match="cannot be written"):
        graph.save(tmp_path / "no folder" / "neuron.svg")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["neuron.DOT", "neuron.svg"]
