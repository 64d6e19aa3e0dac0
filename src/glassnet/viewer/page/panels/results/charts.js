// The charts of the results: predictions of quantities, the decision boundary as it forms, and embeddings.

import { SEQUENTIAL, card, color, plain, small, titled, variable } from "glassnet/charts.js";
import { el, text } from "glassnet/dom.js";
import { percent } from "glassnet/format.js";

const FRAME = 500; // milliseconds of a moment when the training is played

function hinted(chart) {
  const said = el("p", { class: "hint", role: "status" });
  chart.element.querySelector("header").after(said);
  return said;
}

function failing(chart, said) {
  return (error) => {
    text(said, error.message);
    chart.draw(null);
  };
}

/** Quantities: what was predicted over what is true. */
export function predictions() {
  const chart = card({ title: "Predicted and true", height: "large" }, (found) => [
    { type: "scatter", mode: "lines", x: found.ends, y: found.ends, line: { color: variable("--soft"), width: 1, dash: "dot" }, hoverinfo: "skip" },
    { type: "scatter", mode: "markers", x: found.true, y: found.predicted, marker: { color: color(0), size: 6, opacity: 0.6 }, hovertemplate: "true %{x}, predicted %{y}<extra></extra>" },
  ]);
  const said = hinted(chart);

  function draw(found) {
    text(said, "On the dotted line a prediction is right.");
    const all = [...found.true, ...found.predicted];
    const ends = [all.reduce((a, b) => Math.min(a, b)), all.reduce((a, b) => Math.max(a, b))];
    chart.draw({ ...found, ends, xaxis: { title: titled(`${found.target}, true`) }, yaxis: { title: titled(`${found.target}, predicted`) } });
  }

  return { element: chart.element, draw };
}

/** Data of two features: what the network says everywhere, at each moment of its training. */
export function boundary(page) {
  const slider = el("input", { type: "range", min: 0, value: 0, "aria-label": "Moment of the training", oninput: () => show(Number(slider.value)).catch(fail) });
  const moment = el("output", { class: "moment" });
  const play = el("button", { type: "button", class: "small", onclick: toggle }, "▶ Play");
  const chart = card({ title: "Decision boundary", height: "large" }, boundaryTraces);
  const said = hinted(chart);
  chart.element.append(el("div", { class: "row tight player" }, play, slider, moment));
  let found = null;
  let run = null;
  let pictures = new Map(); // those that do not change any more, by name
  let timer = null;

  async function draw(chosen) {
    const atEnd = found === null || Number(slider.value) === Number(slider.max);
    if (chosen.id !== run?.id) pictures = new Map();
    run = chosen;
    found = await page.ask(run.id, "results", { part: "boundary" });
    slider.max = found.moments.length - 1;
    if (atEnd) slider.value = slider.max; // stays at the end, or where someone has put it
    text(said, found.classes.length ? "The class at each point, the fainter the less sure; points are training rows." : `The predicted ${found.target} at each point; points are training rows.`);
    await show(Number(slider.value));
  }

  /** What the network said at a moment; moments of the training are asked for once. */
  async function look(i) {
    const name = found.moments[i];
    if (pictures.has(name)) return pictures.get(name);
    const picture = await page.ask(run.id, "results", { part: "boundary", moment: String(i) });
    if (picture.name !== "now") pictures.set(picture.name, picture);
    return picture;
  }

  async function show(i) {
    text(moment, found.moments[i]);
    slider.setAttribute("aria-valuetext", found.moments[i]);
    const picture = await look(i);
    if (i !== Number(slider.value)) return; // someone has moved on
    await chart.draw({
      ...found, picture,
      legend: found.classes.map((name, k) => ({ name, color: k })),
      xaxis: { title: titled(found.names[0]), showgrid: false, zeroline: false }, yaxis: { title: titled(found.names[1]), showgrid: false, zeroline: false },
    });
  }

  const fail = failing(chart, said);

  async function toggle() {
    if (timer !== null) {
      stop();
      return;
    }
    if (Number(slider.value) === Number(slider.max)) slider.value = 0;
    text(play, "❚❚ Pause");
    timer = setTimeout(next, FRAME);
    await show(Number(slider.value)).catch(fail);
  }

  async function next() {
    if (Number(slider.value) >= Number(slider.max) || !chart.element.isConnected) {
      stop();
      return;
    }
    slider.value = Number(slider.value) + 1;
    await show(Number(slider.value)).catch(fail);
    if (timer !== null) timer = setTimeout(next, FRAME);
  }

  function stop() {
    clearTimeout(timer);
    timer = null;
    text(play, "▶ Play");
  }

  return { element: chart.element, draw, fail };
}

function boundaryTraces(found) {
  const { x, y, picture, points, classes } = found;
  const common = { type: "heatmap", x, y, showscale: false };
  const dots = { type: "scatter", mode: "markers", x: points.x, y: points.y, hoverinfo: "skip" };
  if (picture.value) {
    const [low, high] = [points.z.reduce((a, b) => Math.min(a, b)), points.z.reduce((a, b) => Math.max(a, b))];
    return [
      { ...common, z: picture.value, zmin: low, zmax: high, colorscale: SEQUENTIAL, showscale: true, hovertemplate: "%{z:.4g}<extra></extra>", colorbar: { thickness: 10, outlinewidth: 0, tickfont: small() } },
      { ...dots, marker: { color: points.z, cmin: low, cmax: high, colorscale: SEQUENTIAL, size: 7, line: { color: "#ffffff", width: 1 } } },
    ];
  }
  const count = classes.length;
  const steps = classes.flatMap((_, k) => [[k / count, color(k)], [(k + 1) / count, color(k)]]);
  const paper = variable("--card");
  const least = 100 / count;
  return [
    { ...common, z: picture.class, zmin: -0.5, zmax: count - 0.5, colorscale: steps, opacity: 0.55, customdata: picture.sure, text: picture.class.map((row) => row.map((k) => plain(classes[k]))), hovertemplate: "%{text}, %{customdata} %<extra></extra>" },
    { ...common, z: picture.sure, zmin: least, zmax: 100, colorscale: [[0, faded(paper, 0.85)], [1, faded(paper, 0)]], hoverinfo: "skip", zsmooth: "best" },
    { ...dots, marker: { color: points.z.map((k) => color(k)), symbol: points.z.map((k) => SHAPES[Math.floor(k / 7) % SHAPES.length]), size: 6.5, line: { color: paper, width: 1 } } },
  ];
}

/** After seven classes the colours begin anew, with another shape. */
const SHAPES = ["circle", "diamond", "square", "cross", "triangle-up"];

function faded(hex, alpha) {
  const [r, g, b] = [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
  return `rgba(${r},${g},${b},${alpha})`;
}

/** An embedding, or what the last layer sees, as points in a plane. */
export function embedding(page) {
  const chart = card({ title: "Embedding", height: "large" }, embeddingTraces);
  const said = hinted(chart);
  const title = chart.element.querySelector("h3");

  async function draw(run) {
    const found = await page.ask(run.id, "results", { part: "embedding" });
    const symbols = found.kind === "symbols";
    text(title, symbols ? "Embedding" : "What the last layer sees");
    const words = symbols ? `Each character is ${found.width} numbers` : `${found.x.length} rows, each ${found.width} numbers before the last layer`;
    const shares = found.shares ? `, drawn along the two directions in which they differ most (${percent(found.shares[0] + found.shares[1])} of the variance).` : ".";
    text(said, words + shares);
    await chart.draw({
      ...found,
      legend: symbols || !labelsOf(found) ? found.names.map((name, k) => ({ name, color: k })) : [],
      xaxis: { zeroline: false, title: titled(found.shares ? "first component" : "first number") },
      yaxis: { zeroline: false, title: titled(found.shares ? "second component" : "second number"), scaleanchor: "x" },
    });
  }

  return { element: chart.element, draw, fail: failing(chart, said) };
}

/** What stands at each point: a character, or the name of its class if that is as short; null: a dot. */
function labelsOf(found) {
  return found.labels ?? (found.names.every((name) => [...name].length === 1) ? found.groups.map((k) => found.names[k]) : null);
}

function embeddingTraces(found) {
  const labels = labelsOf(found);
  return found.names.map((name, k) => {
    const mine = found.groups.flatMap((group, i) => (group === k ? [i] : []));
    const of = (values) => mine.map((i) => values[i]);
    return {
      type: "scatter", name: plain(name), x: of(found.x), y: of(found.y), mode: labels ? "text" : "markers",
      text: labels ? of(labels).map((one) => plain(one === " " ? "␣" : one)) : plain(name),
      textfont: { color: color(k), size: found.labels ? 16 : 12, weight: 600 },
      marker: { color: color(k), size: 7, opacity: 0.75, symbol: SHAPES[Math.floor(k / 7) % SHAPES.length] },
      hovertemplate: "%{text}<extra></extra>",
    };
  });
}
