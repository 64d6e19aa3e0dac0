// Health: activations, gradients and updates of each layer over the training.

import { lines } from "glassnet/charts.js";
import { el } from "glassnet/dom.js";

export const health = { name: "health", title: "Health", build };

const LINE = { type: "line", xref: "paper", x0: 0, x1: 1, y0: -3, y1: -3 };
const CHARTS = [
  { table: "layers", value: "std", title: "Activations: standard deviation" },
  { table: "layers", value: "mean", title: "Activations: mean" },
  { table: "layers", value: "grad_std", title: "Gradients by activations: standard deviation", log: "on" },
  { table: "layers", value: "saturated", title: "Saturated elements, dead units (dashed)", also: "dead", y: { range: [-0.02, 1.02] } },
  { table: "parameters", value: "grad_to_data", title: "Gradient to data", log: "on" },
  { table: "parameters", value: "update_to_data", title: "Update to data, log10", shapes: [LINE], hint: "Well around -3, the dotted line: a weight moves by a thousandth of itself in a step." },
];

function build(page) {
  const charts = CHARTS.map((one) => ({ ...one, chart: lines({ ...one, x: "step" }) }));
  const element = el("div", { class: "panel" }, el("div", { class: "grid" }, charts.map((one) => one.chart.element)));

  async function update() {
    const data = await page.ask(page.chosen().id, "health");
    for (const { table, value, also, chart } of charts) {
      const paths = Object.entries(data[table] ?? {}).filter(([path]) => table === "layers" || path.endsWith("weight"));
      const label = (path) => (data.kinds?.[path] ? `${path} ${data.kinds[path]}` : path);
      chart.draw(
        paths.flatMap(([path, values], i) => [
          values[value] && { name: label(path), ...values[value], color: i },
          also && values[also] && { name: label(path), ...values[also], color: i, dash: "dash" },
        ].filter(Boolean)),
      );
    }
  }

  return { element, update };
}
