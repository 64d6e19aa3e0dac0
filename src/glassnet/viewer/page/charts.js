// Charts by plotly, in the colours of the page. A chart is a card with a title, a legend of its own, and a drawing.

import { el, replace, text } from "glassnet/dom.js";
import { live, plotly } from "glassnet/transport.js";

/** The colour number i of the page, as it is in the current theme. */
export function color(i) {
  return variable(`--c${i % 7}`);
}

/** A colour of the page by the name of its variable, as it is in the current theme. */
export function variable(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** The type of what is said beside the lines. */
export function small() {
  return { color: variable("--soft"), size: 0.7 * parseFloat(getComputedStyle(document.documentElement).fontSize) };
}

/** The title of an axis, for plotly. */
export function titled(words) {
  return { text: plain(words), font: small(), standoff: 6 };
}

/** A map of colours from low to high that reads the same for the colour-blind (cividis). */
export const SEQUENTIAL = [
  [0, "#00224e"], [0.2, "#2a3f6d"], [0.4, "#575d6d"], [0.6, "#8a8678"], [0.8, "#c4b56c"], [1, "#fee838"],
];

const drawn = new Set();
document.addEventListener("glassnet-theme", () => drawn.forEach((chart) => chart.redraw()));

/** A card with a chart. options: title, hint, log (whether the y axis can be switched to logarithms, "on" at first),
 * height, x (title of the x axis), shapes (lines of plotly across it), wide, controls (elements in its head), layout
 * (more of plotly's). makeTraces(data) gives plotly's traces of what is drawn; its data may have xaxis, yaxis, shapes, annotations and
 * legend: [{name, color, dash}]. Returns {element, draw, nothing}, see lines and heat; draw(null) for none, and nothing(sentence) is what stands there then.
 */
export function card(options, makeTraces) {
  const legend = el("div", { class: "legend" });
  const picture = el("div", { class: "picture", role: "img", "aria-label": options.title });
  if (options.height) picture.dataset.height = options.height;
  const nothing = el("p", { class: "empty small" }, options.empty ?? "Nothing recorded yet.");
  let logarithmic = options.log === "on";
  const toggle = options.log
    ? el("button", { class: "quiet small switch", type: "button", "aria-pressed": logarithmic, title: "Logarithmic axis", onclick: flip }, "log")
    : null;
  const head = el("header", {}, el("h3", {}, options.title), options.controls, toggle);
  const element = el(
    "section", { class: options.wide ? "card chart wide" : "card chart" }, head,
    options.hint ? el("p", { class: "hint" }, options.hint) : null, nothing, picture, legend,
  );
  picture.hidden = true;
  let given; // what is drawn; null: nothing
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
    if (given === undefined || !element.isConnected) return;
    const onPaper = document.documentElement.classList.contains("printing");
    due = live && !inView && !onPaper;
    if (due) return;
    const Plotly = await plotly();
    const traces = given === null ? [] : makeTraces(given);
    const empty = traces.length === 0;
    nothing.hidden = !empty;
    picture.hidden = empty;
    replace(legend, empty ? [] : legendOf(given));
    pictured = JSON.stringify(given);
    if (empty) return;
    const size = onPaper ? { width: picture.clientWidth, height: picture.clientHeight } : { autosize: true };
    await Plotly.react(picture, traces, { ...layout(options, logarithmic, given), ...size }, { displayModeBar: false, responsive: false });
    if (!ready) {
      ready = true;
      new ResizeObserver(() => picture.offsetWidth && !picture.hidden && Plotly.Plots.resize(picture)).observe(picture);
    }
  }

  const chart = { element, redraw, picture, nothing: (sentence) => text(nothing, sentence), draw };
  drawn.add(chart);
  return chart;
}

/** Charts beside each other, in rows that are as even as they can be. Those that are hidden take no room. */
export function gallery(...charts) {
  const element = el("div", { class: "charts" }, charts);
  const arrange = () => {
    const count = [...element.children].filter((one) => !one.hidden).length;
    const most = Math.max(1, Math.floor(element.clientWidth / 300));
    element.style.setProperty("--columns", Math.ceil(count / Math.ceil(count / most)) || 1);
  };
  new ResizeObserver(arrange).observe(element);
  new MutationObserver(arrange).observe(element, { childList: true, subtree: true, attributeFilter: ["hidden"] });
  return element;
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

/** A map: draw({x, y, z, low, high, colors}). z is a list of rows; what is null stays empty. options.root: the colours are
 * those of the square roots, so that few are seen beside many.
 */
export function heat(options) {
  const shade = (z) => (z === null || !options.root ? z : Math.sqrt(z));
  return card(options, (data) =>
    data.z.length === 0 ? [] : [{
      type: "heatmap", x: data.x, y: data.y.map((y) => (typeof y === "string" ? plain(y) : y)), z: data.z.map((row) => row.map(shade)), customdata: data.z, zmin: data.low, zmax: data.high, hoverongaps: false,
      colorscale: data.colors ?? SEQUENTIAL, showscale: data.scale ?? false, hovertemplate: data.hover,
      colorbar: { thickness: 10, outlinewidth: 0, tickfont: small() },
    }],
  );
}

/** The ticks of a logarithmic axis, written out: powers of 10, and between few of them 2 and 5 times those. */
function decades(given) {
  const logs = given.flatMap((one) => one.y).filter((y) => y > 0).map(Math.log10);
  if (logs.length === 0) return {};
  const [low, high] = [logs.reduce((a, b) => Math.min(a, b)), logs.reduce((a, b) => Math.max(a, b))];
  const every = Math.ceil((high - low) / 8);
  const steps = high - low > 2 ? [1] : [1, 2, 5];
  const tickvals = [];
  for (let power = Math.floor(low) - 1; power <= high + 1; power += Math.max(1, every)) tickvals.push(...steps.map((step) => step * 10 ** power));
  const written = (value) => (value < 1e-3 || value >= 1e5 ? value.toExponential(0).replace("e+", "e") : String(Number(value.toPrecision(1))));
  return { tickvals, ticktext: tickvals.map(written) };
}

/** The range of what never changes: plotly's own, of -1 to 1 around it, would let a rate of 0.01 look like 0. */
function level(given) {
  const values = Array.isArray(given) ? given.flatMap((one) => one.y).filter((y) => y !== null) : [];
  return values.length && values[0] !== 0 && values.every((y) => y === values[0]) ? { range: [0, 2 * values[0]].sort((a, b) => a - b) } : {};
}

/** Epochs and steps are counted: no ticks between few of them. */
function whole(given) {
  if (!Array.isArray(given)) return {}; // a map, whose axes may be anything
  const counted = given.flatMap((one) => one.x);
  const far = counted.reduce((a, b) => Math.max(a, b), 0);
  return far < 6 && (far >= 2 || counted.every(Number.isInteger)) ? { dtick: 1, tick0: 0 } : {};
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
    gridcolor: grid, linecolor: grid, zerolinecolor: grid, tickfont: small(), automargin: true, fixedrange: true,
  };
  const y = { ...axis, type: logarithmic ? "log" : "linear", exponentformat: "power", nticks: 6, ...(logarithmic ? {} : level(given)), ...(options.y ?? {}), ...(logarithmic ? decades(given) : {}) };
  return {
    margin: { l: 44, r: 12, t: 8, b: 36 },
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: "system-ui, sans-serif", color: ink, size: small().size + 1 },
    showlegend: false,
    hovermode: Array.isArray(given) ? "x unified" : "closest",
    hoverlabel: { bgcolor: variable("--card"), bordercolor: grid, font: { color: ink } },
    xaxis: { ...axis, title: titled(options.x), ...whole(given), ...(given.xaxis ?? {}) },
    yaxis: { ...y, ...(given.yaxis ?? {}) },
    shapes: [...(options.shapes ?? []), ...(given.shapes ?? [])].map((one) => ({ line: { color: soft, width: 1, dash: "dot" }, ...one })),
    annotations: given.annotations ?? [],
    uirevision: "keep",
  };
}
