// The graph of an expression as a picture: boxes with values and gradients, which appear as the steps reach them.

import { replace, svg } from "glassnet/dom.js";

/** A line as long as fits into a box of so many pixels. */
const cut = (text, width) => (text.length > width / 7.9 ? `${text.slice(0, Math.floor(width / 7.9) - 1)}…` : text);

/** Short, for a box: the mean and standard deviation of an array. */
const short = (text) => text.replace(/^mean (.*), std (.*)$/, "$1 ± $2");

/** graphPicture(): {element, build(graph, result), show({values, gradients, current, lit, back})}. values, gradients: for each node
 * the text that is known by now, or null. current: the node of this step. lit: edges of it, as "from to". back: whether
 * gradients go along them. result: the node that is L, or null.
 */
export function graphPicture() {
  const element = svg("svg", { class: "graph", role: "img", "aria-label": "The graph of the expression; the steps below say what happens in it." });
  let boxes = [];
  let edges = [];

  function build(graph, result) {
    element.setAttribute("viewBox", `0 0 ${graph.width} ${graph.height}`);
    element.style.minWidth = `${Math.min(graph.width, graph.width * 0.8)}px`;
    element.style.maxWidth = `${graph.width * 1.25}px`;
    edges = graph.edges.map((edge) => ({ edge, path: svg("path", { d: edge.way, class: edge.flows ? "wire" : "wire constant" }) }));
    boxes = graph.nodes.map((node, i) => {
      const [x, y, width, height] = node.box;
      const middle = x + width / 2;
      const lines = [0.29, 0.58, 0.86].map((share, i) => svg("text", { x: middle, y: y + height * share, "text-anchor": "middle", class: ["box-title", "box-value", "box-gradient"][i] }));
      lines[0].append(cut(i === result ? `L = ${node.title}` : node.title, width));
      const group = svg("g", { class: `box ${node.kind}` }, svg("title", {}, [node.title, node.layer, node.shape].filter(Boolean).join("\n")), svg("rect", { x, y, width, height, rx: node.kind === "operation" || node.kind === "layer" ? 12 : 4 }), lines);
      return { group, lines, box: node.box };
    });
    replace(element, edges.map((one) => one.path), boxes.map((one) => one.group));
  }

  function show({ values, gradients, current, lit, back }) {
    boxes.forEach(({ group, lines, box: [, , width] }, i) => {
      lines[1].textContent = values[i] === null ? "·" : cut(short(values[i]), width);
      lines[2].textContent = gradients[i] === null ? "" : cut(`grad ${short(gradients[i])}`, width);
      group.classList.toggle("unknown", values[i] === null);
      group.classList.toggle("current", i === current);
    });
    for (const { edge, path } of edges) {
      path.classList.toggle("lit", lit.has(`${edge.from} ${edge.to}`));
      path.classList.toggle("back", back);
    }
    if (current !== null) reveal(boxes[current].group);
  }

  /** Scroll the frame, and nothing else, to where a box is seen. */
  function reveal(group) {
    const frame = element.parentElement;
    const [inner, outer] = [group.getBoundingClientRect(), frame.getBoundingClientRect()];
    const beyond = (low, high, first, end) => Math.min(0, low - first - 16) + Math.max(0, high - end + 16);
    frame.scrollLeft += beyond(inner.left, inner.right, outer.left, outer.right);
    frame.scrollTop += beyond(inner.top, inner.bottom, outer.top, outer.bottom);
  }

  return { element, build, show };
}
