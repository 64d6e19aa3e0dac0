// The landscape of the loss: a plane through the training, a line between two of its moments, and the finder's sweep.

import { SEQUENTIAL, card, color, lines, plain, small, titled } from "glassnet/charts.js";
import { el, replace, text } from "glassnet/dom.js";
import { number, percent } from "glassnet/format.js";

export const landscape = { name: "landscape", title: "Landscape", build };

const PLANES = { path: "through the training", around: "around the result" };
const ABOUT = {
  path: "Each point is a choice of all the weights. The line is the way of the training, on the flat cut that comes nearest to it.",
  around: "Away from the result in two random directions, scaled to the size of the weights (Li et al., 2018): is the valley wide or narrow?",
};

function build(page) {
  const said = el("p", { class: "hint", role: "status" });
  const button = el("button", { type: "button", hidden: true, onclick: () => begin() }, "Compute it now");
  const parts = [plane(page), line(page), rates(page)];
  const head = el("section", { class: "row about" }, said, button);
  const element = el("div", { class: "panel landscape" }, head, el("div", { class: "landscapes" }, parts.map((one) => one.element)));
  let shown = null; // which run, and which of its states
  let drawn = null; // the run whose pictures these are
  let wanted = false;

  async function update() {
    const run = page.chosen();
    const goesOn = ["running", "going on"].includes(run.summary.state);
    const key = goesOn ? `${run.id} goes on` : `${run.id} ${run.summary.version} ${run.summary.state}`;
    button.hidden = !(goesOn && page.live);
    if (key === shown && !wanted) return;
    const asked = wanted;
    shown = key;
    wanted = false;
    parts.forEach((one) => one.element.classList.toggle("waiting", goesOn && !asked));
    if (goesOn && !asked) {
      text(said, "This training goes on. Its landscape takes computing time, so it is computed when you ask for it.");
      return;
    }
    const found = await page.ask(run.id, "landscape");
    text(said, `${number(found.parameters)} parameters, ${found.moments.length === 1 ? "one moment" : `${found.moments.length} moments`} of the training. Every loss is the mean over the same ${number(found.rows)} rows.`);
    draw(run, found);
  }

  /** One picture after the other; each says itself what is wrong with it. */
  async function draw(run, found) {
    if (run.id !== drawn) for (const one of parts) one.clear();
    drawn = run.id;
    for (const one of parts) if (run.id === drawn) await one.draw(run, found);
  }

  function begin() {
    wanted = true;
    update().catch((error) => text(said, error.message));
  }

  return { element, update };
}

/** What a chart says below its title, and a way to do something that may fail and says so there. */
function saying(chart) {
  const said = el("p", { class: "hint", role: "status" });
  chart.element.querySelector("header").after(said);
  return {
    said,
    clear() {
      text(said, "");
      chart.nothing("Computing it ...");
      chart.draw(null);
    },
    async trying(work) {
      try {
        await work();
      } catch (error) {
        text(said, error.message);
        chart.nothing("");
        chart.draw(null);
      }
    },
  };
}

const NOTHING = "Nothing computed yet.";

function plane(page) {
  const chooser = el("select", { "aria-label": "Which plane", onchange: () => given && refine() });
  const chart = card({ title: "Plane", height: "large", empty: NOTHING, controls: chooser, layout: {} }, traces);
  chart.element.classList.add("plane");
  const { said, clear, trying } = saying(chart);
  let given = null;
  let turn = 0; // the last one that was begun: an earlier one stops

  async function draw(run, found) {
    given = { run, levels: found.levels };
    replace(chooser, found.planes.map((kind) => el("option", { value: kind }, PLANES[kind])));
    await refine();
  }

  /** Coarse at once, then finer. A report holds the finest only. */
  async function refine() {
    const mine = ++turn;
    const { run, levels } = given;
    const kind = chooser.value;
    await trying(async () => {
      for (let level = page.live ? 0 : levels - 1; level < levels && mine === turn; level += 1) {
        const found = await page.ask(run.id, "landscape", { part: "plane", kind, level: String(level) });
        if (mine !== turn) return;
        const share = found.shares.length ? ` It shows ${percent(found.shares[0] + found.shares[1])} of how the weights changed.` : "";
        text(said, ABOUT[kind] + share);
        chart.element.dataset.points = String(found.x.length);
        chart.draw({
          ...found,
          annotations: ends(found.way, found.x),
          xaxis: { title: axisTitle(found, 0), zeroline: false, range: [found.x[0], found.x.at(-1)] },
          yaxis: { title: axisTitle(found, 1), zeroline: false, range: [found.y[0], found.y.at(-1)] },
        });
      }
    });
  }

  return { element: chart.element, draw, clear: () => (delete chart.element.dataset.points, clear()) };
}

function axisTitle(found, i) {
  const words = found.shares.length ? `${["first", "second"][i]} component (${percent(found.shares[i])})` : `${["first", "second"][i]} direction`;
  return titled(words);
}

/** A map of log10 of the loss with lines of equal height, and the way of the training on it. */
function traces(found) {
  const logs = found.z.map((row) => row.map((loss) => (loss === null ? null : Math.log10(Math.max(loss, 1e-12)))));
  const known = logs.flat().filter((value) => value !== null);
  const [low, high] = [known.reduce((a, b) => Math.min(a, b), Infinity), known.reduce((a, b) => Math.max(a, b), -Infinity)];
  const ticks = Array.from({ length: 5 }, (_, i) => low + ((high - low) * i) / 4);
  const names = found.way.map((one) => plain(one.name));
  return [
    {
      type: "contour", x: found.x, y: found.y, z: logs, colorscale: SEQUENTIAL, ncontours: 18, customdata: found.z,
      contours: { coloring: "heatmap" }, line: { width: 0.5, color: "rgba(255,255,255,0.35)", smoothing: 1 },
      hovertemplate: "loss %{customdata:.4g}<extra></extra>",
      colorbar: {
        thickness: 10, outlinewidth: 0, tickvals: ticks, ticktext: ticks.map((tick) => number(Number((10 ** tick).toPrecision(2)))),
        tickfont: small(), title: { text: "loss", font: small() },
      },
    },
    {
      type: "scatter", mode: "lines+markers", x: found.way.map((one) => one.x), y: found.way.map((one) => one.y), customdata: found.way.map((one) => one.loss),
      text: names, hovertemplate: "%{text}: loss %{customdata:.4g}<extra></extra>", line: { color: "#ffffff", width: 2 },
      marker: { size: found.way.map((_, i) => (i === found.way.length - 1 ? 12 : 7)), color: found.way.map((_, i) => (i === found.way.length - 1 ? "#d55e00" : "#ffffff")), line: { color: "#10151b", width: 1.2 } },
    },
  ];
}

/** The names of the first and the last moment beside them. */
function ends(way, side) {
  const chosen = way.length > 1 ? [way[0], way.at(-1)] : way;
  const middle = (side[0] + side.at(-1)) / 2;
  const words = { showarrow: false, bgcolor: "rgba(16,21,27,0.7)", borderpad: 3, font: { color: "#ffffff", size: small().size } };
  return chosen.map(({ x, y, name }) => ({ x, y, text: plain(name), xanchor: x > middle ? "right" : "left", xshift: x > middle ? -10 : 10, ...words }));
}

const END = { type: "line", yref: "paper", y0: 0, y1: 1 };

function line(page) {
  const first = el("select", { "aria-label": "From", onchange: () => given && ask() });
  const last = el("select", { "aria-label": "To", onchange: () => given && ask() });
  const choose = page.live ? el("span", { class: "row tight", hidden: true }, first, "to", last) : null;
  const chart = lines({ title: "Line", x: "share of the way", log: "off", empty: NOTHING, controls: choose, shapes: [{ ...END, x0: 0, x1: 0 }, { ...END, x0: 1, x1: 1 }] });
  const { said, clear, trying } = saying(chart);
  let given = null;

  async function draw(run, found) {
    given = run;
    if (choose) choose.hidden = false;
    for (const [node, chosen] of [[first, 0], [last, found.moments.length - 1]]) {
      replace(node, found.moments.map((name, i) => el("option", { value: i, selected: i === chosen }, name)));
    }
    await ask({});
  }

  function ask(query = { from: first.value, to: last.value }) {
    const run = given;
    return trying(async () => {
      const found = await page.ask(run.id, "landscape", { part: "line", ...query });
      if (run !== given) return; // another run was chosen meanwhile
      text(said, `Straight from the weights of “${found.from}” (0) to those of “${found.to}” (1), and half as far beyond.`);
      chart.draw(Object.entries(found.lines).map(([name, y], i) => ({ name, x: found.x, y, color: i })));
    });
  }

  return { element: chart.element, draw, clear: () => ((given = null), clear()) };
}

function rates(page) {
  const chart = card({ title: "Learning rates", empty: NOTHING, x: "learning rate" }, ratesTraces);
  const { said, clear, trying } = saying(chart);

  let given = null;

  function draw(run, { rates: exist }) {
    given = run;
    return trying(async () => {
      if (!exist) throw new Error("Known for runs of the command only. In your own program, glassnet.lr_find(net, data, ...) tries the rates.");
      const found = await page.ask(run.id, "landscape", { part: "rates" });
      if (run !== given) return;
      const end = found.diverged ? "" : " No rate was too high for it.";
      text(said, `A short training from the first weights whose learning rate rises. The loss falls fastest at ${number(Number(found.suggestion.toPrecision(2)))}; this run was given ${number(found.used)}.${end}`);
      const at = (x, c) => ({ ...END, x0: x, x1: x, line: { color: color(c), width: 2, dash: "dash" } });
      chart.draw({
        ...found,
        shapes: [at(found.suggestion, 1), at(found.used, 2)],
        legend: [{ name: "smoothed", color: 0 }, { name: "suggestion", color: 1, dash: "dash" }, { name: "this run", color: 2, dash: "dash" }],
        xaxis: { type: "log", exponentformat: "power", dtick: 1 },
        yaxis: { range: found.range, title: titled("loss") },
      });
    });
  }

  return { element: chart.element, draw, clear: () => ((given = null), clear()) };
}

function ratesTraces(found) {
  const common = { type: "scatter", mode: "lines", x: found.x };
  return [
    { ...common, y: found.losses, opacity: 0.35, line: { color: color(0), width: 1 }, hoverinfo: "skip" },
    { ...common, y: found.smoothed, line: { color: color(0), width: 2 }, hovertemplate: "rate %{x:.2g}: loss %{y:.4g}<extra></extra>" },
  ];
}
