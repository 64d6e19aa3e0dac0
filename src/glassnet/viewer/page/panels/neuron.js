// One neuron: its equation with numbers, what comes in, its gradient, and the inputs that excite it most.

import { el, replace, svg } from "glassnet/dom.js";
import { number } from "glassnet/format.js";
import { picture } from "glassnet/pixels.js";

/** Cards of a neuron: {element, draw(data, context), say(sentence)}. context: the flow it is in, shape (of a picture),
 * choose(place) and chooseRow(row), both of which may be null.
 */
export function neuronCards() {
  const equation = el("section", { class: "card equation" });
  const weights = el("section", { class: "card" });
  const exciting = el("section", { class: "card" });
  const element = el("div", { class: "neuron-cards" }, equation, el("div", { class: "panel" }, weights, exciting));

  function draw(data, context) {
    element.hidden = data === null;
    if (data === null) return;
    replace(equation, el("h3", {}, title(data, context)), equationOf(data, context));
    replace(weights, el("h3", {}, "Incoming weights"), weightsOf(data, context));
    replace(exciting, el("h3", {}, "What excites it most"), excitingOf(data, context));
  }

  return { element, draw };
}

function title(data, { flow }) {
  const stage = flow.stages[data.stage];
  const label = stage.labels && !stage.neurons ? stage.labels[data.neuron] : null;
  return [`Layer ${data.path || "of the input"}, neuron ${data.neuron}`, label ? ` “${label}”` : ""];
}

/** What number i of the stage before is called. */
function source(data, { flow, shape }, i) {
  const before = flow.stages[data.stage - 1];
  if (before.picture && shape.length === 2) return `pixel ${Math.floor(i / shape[1])}, ${i % shape[1]}`;
  if (before.labels && !before.neurons) return before.labels[i];
  const axes = []; // place [row, column] of what has several axes
  for (const [axis, size] of [...before.shape.entries()].reverse()) {
    axes.unshift(axis ? i % size : i);
    i = Math.floor(i / size);
  }
  return `${before.path || "input"} [${axes.join(", ")}]`;
}

function equationOf(data, context) {
  const gradient = (value) => el("td", { class: "num gradient", title: value === null ? "This weight is used at several places." : null }, value === undefined ? "" : number(value));
  const found = [];
  if (data.equation) {
    const { terms, rest, bias, z } = data.equation;
    const rows = terms.map((term) => {
      const name = source(data, context, term.source);
      const reach = data.stage > 1 && context.choose;
      const from = reach ? el("button", { class: "link", type: "button", onclick: () => context.choose({ stage: data.stage - 1, neuron: term.source }) }, name) : name;
      return el("tr", {}, el("td", {}, from), ...[`${number(term.weight)}`, `· ${number(term.input)}`, `= ${number(term.product)}`].map((one) => el("td", { class: "num" }, one)), gradient(term.gradient));
    });
    if (rest.count) rows.push(el("tr", { class: "hint" }, el("td", { colspan: 3 }, `${number(rest.count)} more`), el("td", { class: "num" }, `= ${number(rest.sum)}`), el("td", {})));
    if (bias !== null) rows.push(el("tr", {}, el("td", { colspan: 3 }, "bias b"), el("td", { class: "num" }, `= ${number(bias)}`), gradient(data.steps[0].gradient)));
    rows.push(el("tr", { class: "total" }, el("td", { colspan: 3 }, "z = Σ w · x + b"), el("td", { class: "num", "data-z": z }, `= ${number(z)}`), gradient(data.steps[0].gradient)));
    const heads = ["from", "weight w", "input x", "product", "∂L/∂w"];
    found.push(el("div", { class: "scroll" }, el("table", {}, el("thead", {}, el("tr", {}, heads.map((one, i) => el("th", { scope: "col", class: i ? "num" : "" }, one)))), el("tbody", {}, rows))));
  }
  const steps = (data.equation ? data.steps.slice(1) : data.steps).map((step) =>
    el("p", { class: "step" }, el("code", {}, step.text), step.formula ? el("span", { class: "hint" }, step.formula) : null, el("strong", {}, number(step.value)), step.gradient === null ? null : el("span", { class: "gradient" }, "∂L/∂out ", number(step.gradient))),
  );
  if (data.steps.length === 0) {
    found.push(el("p", { class: "step" }, "value ", el("strong", {}, number(data.value)), data.gradient === null ? null : el("span", { class: "gradient" }, "∂L/∂x ", number(data.gradient))));
  }
  return [...found, ...steps];
}

function weightsOf(data, context) {
  if (!data.weights) return el("p", { class: "empty small" }, "Nothing is multiplied here: the numbers are looked up, or come from outside.");
  const { weights } = data;
  if (weights.picture) {
    const size = number(weights.picture.scale);
    return [picture(weights.picture, weights.shape, "The incoming weights as a picture", "pixels weights"), signs(`−${size}`, `+${size}`)];
  }
  const largest = Math.max(...weights.values.map(Math.abs), 1e-30);
  const [width, height] = [360, 120];
  const [begin, end] = [weights.values.findIndex(Boolean), weights.values.findLastIndex(Boolean) + 1]; // it may reach a part only
  const step = Math.min(60, width / Math.max(1, end - begin));
  const bars = weights.values.slice(Math.max(0, begin), end).map((value, at) => {
    const [i, long] = [at + begin, (Math.abs(value) / largest) * (height / 2 - 2)];
    const name = source(data, context, weights.sources ? weights.sources[i] : i);
    return svg("rect", { x: (at * step).toFixed(2), width: Math.max(step - 1, 0.8).toFixed(2), y: (value > 0 ? height / 2 - long : height / 2).toFixed(1), height: long.toFixed(1), class: value < 0 ? "below" : "above" }, svg("title", {}, `${name}: ${number(value)}`));
  });
  const chart = svg("svg", { viewBox: `0 0 ${width} ${height}`, class: "bars", role: "img", "aria-label": "The incoming weights as bars", preserveAspectRatio: "none" }, svg("line", { x1: 0, x2: width, y1: height / 2, y2: height / 2 }), bars);
  return [chart, signs(`−${number(largest)}`, `+${number(largest)}`)];
}

export function signs(low, high) {
  return el("div", { class: "legend" }, el("span", {}, el("i", { class: "swatch below" }), `${low} negative`), el("span", {}, el("i", { class: "swatch above" }), `${high} positive`));
}

function excitingOf(data, context) {
  if (data.exciting.length === 0) return el("p", { class: "empty small" }, "Not known for the input itself.");
  const items = data.exciting.map((one) => {
    const inside = [thumbnail(one, context.shape), el("span", { class: "num" }, number(one.value)), one.target ? el("span", { class: "hint" }, one.target) : null];
    const name = `Row ${one.row}: ${number(one.value)}`;
    return context.chooseRow ? el("button", { class: "tile", type: "button", title: name, onclick: () => context.chooseRow(one.row) }, inside) : el("span", { class: "tile", title: name }, inside);
  });
  return el("div", { class: "tiles" }, items);
}

/** An input, small: a picture, characters, or its first numbers. */
export function thumbnail(one, shape) {
  if (one.picture) return picture(one.picture, shape, one.target ? `A ${one.target}` : "An input", "pixels thumb");
  if (one.text) return el("code", {}, one.text);
  const numbers = one.numbers.map((value) => number(Number(value.toPrecision(3)))).join(", ");
  return one.numbers.length < 4 ? el("span", {}, numbers) : el("span", { title: numbers }, `row ${one.row}`);
}
