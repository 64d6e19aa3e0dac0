// Charts by plotly, in the colours of the page. A chart is a card with a title, a legend of its own, and a drawing.

import { el, replace } from "glassnet/dom.js";
import { live, plotly } from "glassnet/transport.js";

/** The colour number i of the page, as it is in the current theme. */
export function color(i) {
  return variable(`--c${i % 7}`);
}

/** A colour of the page by the name of its variable, as it is in the current theme. */
export function variable(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** A map of colours from low to high that reads the same for the colour-blind (cividis). */
export const SEQUENTIAL = [
  [0, "#00224e"], [0.2, "#2a3f6d"], [0.4, "#575d6d"], [0.6, "#8a8678"], [0.8, "#c4b56c"], [1, "#fee838"],
];
/** From blue (negative) over the middle to vermillion (positive). */
export const DIVERGING = [[0, "#0072b2"], [0.25, "#7fb8d8"], [0.5, "#f4f4f4"], [0.75, "#eaae80"], [1, "#d55e00"]];

const drawn = new Set();
document.addEventListener("glassnet-theme", () => drawn.forEach((chart) => chart.redraw()));

/** A card with a chart. options: title, hint, log (whether the y axis can be switched to logarithms, "on" at first),
 * height, x (title of the x axis), shapes (lines of plotly across it), wide, controls (elements in its head), layout
 * (more of plotly's). makeTraces(data) gives plotly's traces of what is drawn; its data may have xaxis, yaxis, shapes, annotations and
 * legend: [{name, color, dash}]. Returns {element, draw}, see lines and heat.
 */
export function card(options, makeTraces) {
  const legend = el("div", { class: "legend" });
  const picture = el("div", { class: "picture", role: "img", "aria-label": options.title });
  if (options.height) picture.dataset.height = options.height;
  const nothing = el("p", { class: "empty small" }, options.empty ?? "Nothing recorded yet.");
  let logarithmic = options.log === "on";
  const toggle = options.log
    ? el("button", { class: "quiet small", type: "button", "aria-pressed": logarithmic, title: "Logarithmic axis", onclick: flip }, "log")
    : null;
  const head = el("header", {}, el("h3", {}, options.title), options.controls, toggle);
  const element = el(
    "section", { class: options.wide ? "card chart wide" : "card chart" }, head,
    options.hint ? el("p", { class: "hint" }, options.hint) : null, nothing, picture, legend,
  );
  picture.hidden = true;
  let given = null;
  let pictured = ""; // what the picture shows: the same is not drawn again
  let ready = false;
  let inView = false;
  let due = false;
  const watcher = new IntersectionObserver((entries) => {
    inView = entries.at(-1).isIntersecting;
    if (inView && due) redraw();
  }, { rootMargin: "200px" });
  watcher.observe(element); // what nobody sees is drawn when someone scrolls to it

  function flip() {
    logarithmic = !logarithmic;
    toggle.setAttribute("aria-pressed", logarithmic);
    redraw();
  }

  async function draw(data) {
    given = data;
    if (JSON.stringify(data) !== pictured) await redraw();
  }

  async function redraw() {
    if (given === null || !element.isConnected) return;
    due = live && !inView;
    if (due) return;
    const Plotly = await plotly();
    const traces = makeTraces(given);
    const empty = traces.length === 0;
    nothing.hidden = !empty;
    picture.hidden = empty;
    replace(legend, empty ? [] : legendOf(given));
    pictured = JSON.stringify(given);
    if (empty) return;
    await Plotly.react(picture, traces, layout(options, logarithmic, given), { displayModeBar: false, responsive: false });
    if (!ready) {
      ready = true;
      new ResizeObserver(() => picture.offsetWidth && !picture.hidden && Plotly.Plots.resize(picture)).observe(picture);
    }
  }

  const chart = { element, redraw, picture, draw };
  drawn.add(chart);
  return chart;
}

/** Lines over x: draw([{name, x, y, color: number, dash, width, faint, mode}]). */
export function lines(options) {
  return card(options, (series) =>
    series.filter((one) => one.x.length).map((one) => ({
      type: "scatter",
      mode: one.mode ?? (one.x.length < 3 ? "lines+markers" : "lines"),
      name: plain(one.name),
      x: one.x,
      y: one.y,
      opacity: one.faint ? 0.35 : 1,
      line: { color: color(one.color ?? 0), width: one.width ?? (one.x.length > 200 ? 1.2 : 2), dash: one.dash ?? "solid" },
      marker: { color: color(one.color ?? 0), size: 6 },
      hoverlabel: { namelength: 40 },
      hoverinfo: one.faint ? "skip" : "x+y+name",
    })),
  );
}

/** A map: draw({x, y, z, low, high, colors}). z is a list of rows; what is null stays empty. */
export function heat(options) {
  return card(options, (data) =>
    data.z.length === 0 ? [] : [{
      type: "heatmap", x: data.x, y: data.y.map((y) => (typeof y === "string" ? plain(y) : y)), z: data.z, zmin: data.low, zmax: data.high, hoverongaps: false,
      colorscale: data.colors ?? SEQUENTIAL, showscale: data.scale ?? false, hovertemplate: data.hover,
      colorbar: { thickness: 10, outlinewidth: 0, tickfont: { color: variable("--soft"), size: 11 } },
    }],
  );
}

/** How many powers of 10 the lines span. */
function decades(given) {
  const logs = Array.isArray(given) ? given.flatMap((one) => one.y).filter((y) => y > 0).map(Math.log10) : [];
  return logs.reduce((a, b) => Math.max(a, b), -Infinity) - logs.reduce((a, b) => Math.min(a, b), Infinity);
}

/** Text for plotly, which would take a part of it for HTML. */
export function plain(text) {
  return String(text ?? "").replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

function legendOf(series) {
  const named = Array.isArray(series) ? series.filter((one) => one.x.length && one.name && !one.unnamed) : series.legend ?? [];
  return named.map((one) => {
    const key = el("i", { class: `key c${(one.color ?? 0) % 7} ${one.dash ?? "solid"}` });
    return el("span", { class: one.faint ? "faint" : "" }, key, one.name);
  });
}

function layout(options, logarithmic, given) {
  const [ink, soft, grid] = [variable("--ink"), variable("--soft"), variable("--line")];
  const axis = {
    gridcolor: grid, linecolor: grid, zerolinecolor: grid, tickfont: { color: soft, size: 11 }, automargin: true, fixedrange: true,
  };
  const y = { ...axis, type: logarithmic ? "log" : "linear", exponentformat: "power", nticks: 6, ...(options.y ?? {}) };
  if (logarithmic) y.dtick = decades(given) > 2 ? 1 : "D2";
  return {
    margin: { l: 44, r: 12, t: 8, b: 36 },
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: "system-ui, sans-serif", color: ink, size: 12 },
    showlegend: false,
    hovermode: Array.isArray(given) ? "x unified" : "closest",
    hoverlabel: { bgcolor: variable("--card"), bordercolor: grid, font: { color: ink } },
    xaxis: { ...axis, title: { text: options.x ?? "", font: { color: soft, size: 11 }, standoff: 6 }, ...(given.xaxis ?? {}) },
    yaxis: { ...y, ...(given.yaxis ?? {}) },
    shapes: [...(options.shapes ?? []), ...(given.shapes ?? [])].map((one) => ({ line: { color: soft, width: 1, dash: "dot" }, ...one })),
    annotations: given.annotations ?? [],
    uirevision: "keep",
  };
}
