// Health: activations, gradients and updates of each layer over the training, and one layer looked at closely.

import { gallery, heat, lines, titled } from "glassnet/charts.js";
import { el, replace, text } from "glassnet/dom.js";
import { number, percent } from "glassnet/format.js";

export const health = { name: "health", title: "Health", build };

const LINE = { type: "line", xref: "paper", x0: 0, x1: 1, y0: -3, y1: -3 };
const isWeight = (path) => path.endsWith("weight");
const CHARTS = [
  { table: "parameters", value: "update_to_data", only: isWeight, title: "Update to data", shapes: [LINE], hint: "How far a step moves the weights, as a power of 10. About −3, the dotted line, is healthy: a thousandth of their size." },
  { table: "parameters", value: "grad_to_data", only: isWeight, title: "Gradient to data", log: "on", hint: "How large the gradients are, as a share of the size of the weights." },
  { table: "parameters", value: "norm", only: isWeight, title: "Norms of weights", hint: "How long the weights of a layer are as one vector. Growing without end: lower the learning rate, or use weight decay." },
  { table: "layers", value: "std", title: "Spread of activations", hint: "Standard deviation of what each layer gives out." },
  { table: "layers", value: "grad_std", title: "Spread of gradients", log: "on", hint: "Standard deviation of the gradients at each layer's output. Far smaller in the first layers than in the last: they vanish." },
  { table: "layers", value: "saturated", also: "dead", title: "Saturated and dead", y: { range: [-0.02, 1.02] }, hint: "Solid: share of values where the activation is flat. Dashed: share of units that gave 0 for a whole batch." },
  { table: "layers", value: "mean", title: "Means of activations", hint: "Average of what each layer gives out. Far from 0, all examples look alike to the next layer." },
  { table: "buffers", value: "mean", only: (path) => path.endsWith("running_mean"), title: "Running means", hint: "Of BatchNorm layers; averages over their channels." },
  { table: "buffers", value: "mean", only: (path) => path.endsWith("running_var"), title: "Running variances", log: "on", hint: "Of BatchNorm layers; averages over their channels." },
];
const NONE = "Nothing recorded. The first record is made with the first step; a training with diagnostics=None makes none.";
const ONE = "Only the first step is recorded so far: one dot a line. In a program, fit(..., diagnostics=10) records every tenth step.";
/** Seconds between two looks at the units: each one computes a batch. */
const AGAIN = 3;

function build(page) {
  const charts = CHARTS.map((one) => ({ only: () => true, ...one, chart: lines({ ...one, x: "step" }) }));
  const nothing = el("p", { class: "card empty", role: "status", hidden: true });
  const close = closeUp(page);
  const element = el("div", { class: "panel" }, nothing, gallery(charts.map((one) => one.chart.element)), close.element);

  async function update() {
    const run = page.chosen();
    const data = await page.ask(run.id, "health");
    nothing.hidden = data.steps > 1;
    text(nothing, data.steps === 1 ? ONE : NONE);
    const label = (path) => (data.kinds?.[path] ? `${path} ${data.kinds[path]}` : path);
    const drawings = [];
    for (const { table, value, also, only, chart } of charts) {
      const series = Object.entries(data[table] ?? {}).filter(([path]) => only(path)).flatMap(([path, values], i) => [
        values[value] && { name: label(path), ...values[value], color: i },
        also && values[also] && { name: label(path), ...values[also], color: i, dash: "dash" },
      ].filter(Boolean));
      chart.element.hidden = series.length === 0;
      drawings.push(chart.draw(series));
    }
    await Promise.all(drawings); // how long drawing takes decides how often it is done
    await close.update(run, data.histograms ?? [], label);
  }

  return { element, update };
}

/** One layer: its histograms over time, and which units are flat for which examples. */
function closeUp(page) {
  const chooser = el("select", { "aria-label": "Layer", onchange: () => update(...given, true) });
  const outputs = heat({ title: "Activations", x: "step", root: true, hint: "What the layer gave out at each step. The brighter, the more of its values lie there." });
  const gradients = heat({ title: "Gradients", x: "step", root: true, hint: "Their size as a power of 10, without those that are 0. The brighter, the more of them." });
  const said = el("p", { class: "hint" });
  const map = heat({ title: "Units and examples", x: "example of a training batch", empty: "This layer has no flat part where gradients stop." });
  map.element.querySelector("header").after(said);
  const head = el("header", { class: "row" }, el("h2", {}, "One layer"), chooser);
  const element = el("div", { class: "panel" }, head, gallery(outputs.element, gradients.element, map.element));
  let given = [];
  let lookedAt = "";
  let next = 0;

  async function update(run, paths, label, chosen = false) {
    given = [run, paths, label];
    element.hidden = paths.length === 0;
    if (element.hidden) return;
    if (chooser.dataset.paths !== paths.join()) {
      chooser.dataset.paths = paths.join();
      const before = chooser.value;
      replace(chooser, paths.map((path) => el("option", { value: path }, label(path))));
      chooser.value = paths.includes(before) ? before : (paths.find((path) => /ReLU|Tanh|Sigmoid/.test(label(path))) ?? paths[0]);
    }
    const layer = chooser.value;
    const found = await page.ask(run.id, "health", { layer });
    await outputs.draw(found.outputs ? { ...found.outputs, hover: "step %{x}<br>%{y:.3g}: %{customdata:.1f} %<extra></extra>" } : { z: [] });
    await gradients.draw(found.gradients ? { ...found.gradients, hover: "step %{x}<br>10^%{y:.2f}: %{customdata:.1f} %<extra></extra>" } : { z: [] });
    const wanted = `${run.id} ${layer}`;
    if (!chosen && lookedAt === wanted && (performance.now() < next || run.summary.state !== "running")) return;
    lookedAt = wanted;
    next = performance.now() + 1000 * AGAIN;
    await drawMap(run, layer);
  }

  async function drawMap(run, layer) {
    try {
      const found = await page.ask(run.id, "health", { layer, show: "map" });
      const any = found.rows.length > 0;
      text(said, any ? `Bright: here the unit is flat, no gradient passes. ${percent(found.share)} of all; ${number(found.dead)} of ${number(found.count)} units are flat for every example.` : "");
      map.draw({
        x: any ? found.rows[0].map((_, i) => i) : [], y: any ? found.units.map(String) : [], z: found.rows, low: 0, high: 1,
        hover: "example %{x}, unit %{y}: %{z}<extra></extra>", yaxis: { type: "category", title: titled("unit"), nticks: 8 },
      });
    } catch (error) {
      text(said, error.message);
      map.draw({ z: [] });
    }
  }

  return { element, update };
}
