// The run: where it is, its curves, several runs overlaid, the doctor's cards, and the layers that they point at.

import { gallery, lines } from "glassnet/charts.js";
import { el, replace, text } from "glassnet/dom.js";
import { duration, named, number } from "glassnet/format.js";

const TITLES = { loss: "Loss", accuracy: "Accuracy", lr: "Learning rate", mae: "Mean absolute error" };
/** What the figure of the validation rows is called, in the words of the terminal. */
const METRICS = { val_loss: "val loss", val_accuracy: "val accuracy", val_mae: "val mean error" };
/** An axis of shares. */
const SHARE = { tickformat: ".0%", hoverformat: ".2%" };
/** The columns of the list of runs; a phone has no room for all of them. */
const CELLS = ["", "", "num roomy", "num roomy", "num", "num"];
const WITHOUT_CHART = new Set(["seconds"]);

export const run = { name: "run", title: "Run", build };

function build(page) {
  const figures = figureRow(page);
  const charts = new Map();
  const grid = gallery();
  const runs = el("section", { class: "card", hidden: true });
  const doctor = el("section", { class: "card doctor" });
  const layers = el("section", { class: "card layers" });
  const setup = el("section", { class: "card" });
  const element = el("div", { class: "panel" }, figures.element, grid, runs, el("div", { class: "grid" }, doctor, layers, setup));

  async function update() {
    const shown = page.shown().filter((one) => !one.summary.error);
    drawRuns(runs, page);
    const found = await Promise.all(shown.map(async (one) => ({ ...one, data: await page.ask(one.id, "run") })));
    const names = [...new Set(found.flatMap((one) => Object.keys(one.data.curves).map(plain)))];
    const wanted = new Set(["loss", ...names].filter((name) => !WITHOUT_CHART.has(name)));
    for (const [name, chart] of charts) if (!wanted.has(name)) chart.element.remove(); // a metric of another run
    const drawings = [];
    for (const name of wanted) {
      if (!charts.has(name)) {
        const options = { title: TITLES[name] ?? name.replaceAll("_", " "), x: "epoch", log: ["loss", "lr"].includes(name) ? "off" : null, y: name.endsWith("accuracy") ? SHARE : name === "lr" ? { rangemode: "tozero" } : {} };
        charts.set(name, lines(options));
      }
      if (!charts.get(name).element.isConnected) grid.append(charts.get(name).element);
      drawings.push(charts.get(name).draw(series(name, found)));
    }
    await Promise.all(drawings); // how long drawing takes decides how often it is done
    const own = found.find((one) => one.id === page.chosen()?.id);
    if (own) {
      drawDoctor(doctor, own, page);
      drawLayers(layers, own.data.layers);
      drawSetup(setup, own.data.setup);
    }
  }

  return { element, update, tick: () => figures.draw(page.chosen()) };
}

/** The name of the first metric of the validation split. */
const valMetric = (last) => Object.keys(last).find((name) => name.startsWith("val_") && name !== "val_loss");

const plain = (name) => name.replace(/^val_/, "");

/** The lines of one chart: a run alone has a colour for each split, several have one each. */
function series(name, found) {
  const alone = found.length === 1;
  return found.flatMap(({ data, name: title, color }) => {
    const [train, val] = [data.curves[name], data.curves[`val_${name}`]];
    const batch = name === "loss" && alone && data.batch.x.length > 1 ? data.batch : null;
    return [
      batch && { name: "batches", ...batch, color: 0, width: 1, faint: true },
      train && { name: alone ? (val ? "training" : null) : val ? null : title, ...train, color: alone ? 0 : color, dash: !alone && val ? "dot" : "solid", width: !alone && val ? 1.5 : 2 },
      val && { name: alone ? "validation" : title, ...val, color: alone ? 1 : color },
    ].filter(Boolean);
  });
}

function figureRow(page) {
  const bar = el("progress", { max: 1, value: 0, "aria-label": "Progress" });
  const cells = {};
  const titles = {};
  const figure = (name, more = null) => {
    [titles[name], cells[name]] = [el("span", {}, name), el("strong", {}, "–")];
    return el("div", { class: "figure" }, titles[name], cells[name], more);
  };
  const button = el("button", { type: "button", hidden: true, onclick: press });
  const said = el("p", { class: "hint said", role: "status" });
  const element = el(
    "section", { class: "figures" },
    figure("steps", bar), figure("epoch"), figure("loss"), figure("validation"), figure("learning rate"), figure("steps / s"), figure("time left"),
    el("div", { class: "figure act" }, button), said,
  );
  let action = null;

  async function press() {
    button.disabled = true;
    try {
      await page.act(page.chosen().id, action);
      draw(page.chosen());
    } catch (error) {
      text(said, error.message);
    }
    button.disabled = false;
  }

  function draw(chosen) {
    if (!chosen) return;
    const { step, total, epoch, rate, last = {}, actions, state, stopped, hint } = chosen.summary;
    if (cells.steps.dataset.key !== `${step} ${total}`) {
      cells.steps.dataset.key = `${step} ${total}`;
      replace(cells.steps, number(step), total ? el("small", {}, ` / ${number(total)}`) : null);
    }
    bar.value = total ? step / total : 0;
    text(cells.epoch, number(epoch));
    text(cells.loss, number(last.loss));
    const metric = valMetric(last) ?? "val_loss";
    text(titles.validation, metric in last ? (METRICS[metric] ?? metric.replaceAll("_", " ")) : "validation");
    text(cells.validation, named(metric, last[metric]));
    text(cells["learning rate"], number(last.lr === undefined ? NaN : Number(last.lr.toPrecision(3))));
    text(cells["steps / s"], number(rate));
    const goesOn = state === "running" || state === "going on";
    text(titles["time left"], goesOn ? "time left" : "time taken");
    text(cells["time left"], goesOn ? duration(rate && total ? (total - step) / rate : NaN) : duration(chosen.summary.seconds));
    action = page.live ? (actions[0] ?? null) : null;
    button.hidden = action === null;
    text(button, action === "stop" ? "Stop" : "Resume");
    button.className = action === "stop" ? "stop" : "primary";
    const words = [goesOn ? null : stopped, hint].filter(Boolean).join("; ");
    if (words || goesOn) text(said, words);
  }

  return { element, draw };
}

/** The list of runs, where there are several: which ones are shown, and which one is chosen. */
function drawRuns(card, page) {
  const runs = page.runs();
  card.hidden = runs.length < 2;
  const key = JSON.stringify(runs.map((one) => [one.id, one.summary.state, one.summary.step, one.summary.error, page.isShown(one.id), page.chosen()?.id]));
  if (card.hidden || card.dataset.key === key) return;
  card.dataset.key = key;
  const metrics = new Set(runs.map((one) => valMetric(one.summary.last ?? {})).filter(Boolean));
  const rows = runs.map(({ id, name, color, summary }) => {
    const box = el("input", { type: "checkbox", "aria-label": `Show ${name}`, checked: page.isShown(id), onchange: (event) => page.show(id, event.target.checked) });
    const choose = el("button", { class: "link", type: "button", "aria-pressed": page.chosen()?.id === id, onclick: () => page.choose(id) }, name);
    const last = summary.last ?? {};
    const metric = valMetric(last);
    const cells = summary.error
      ? [el("td", { colspan: 4, class: "bad" }, summary.error)]
      : [number(summary.step), number(last.loss), number(last.val_loss), metric ? named(metric, last[metric]) : "–"].map((one, i) => el("td", { class: CELLS[i + 2] }, one));
    return el("tr", {}, el("td", {}, box), el("td", {}, el("i", { class: `key c${color % 7}` }), choose), ...cells);
  });
  const heads = ["", "run", "steps", "loss", "val loss", metrics.size === 1 ? [...metrics][0].replaceAll("_", " ") : "val metric"].map((one, i) => el("th", { scope: "col", class: CELLS[i] }, one));
  replace(card, el("h3", {}, "Runs"), el("p", { class: "hint" }, "With several runs in a chart, solid lines are of the validation rows, dotted ones of the training rows. Tick runs to lay them over each other; press a name to see all of that run."), el("div", { class: "scroll" }, el("table", {}, el("thead", {}, el("tr", {}, heads)), el("tbody", {}, rows))));
}

function drawDoctor(card, own, page) {
  const { findings, findings_error: error } = own.data;
  const key = JSON.stringify([own.id, own.summary.state, findings, error]);
  if (card.dataset.key === key) return;
  card.dataset.key = key;
  const training = own.summary.state === "running";
  const nothing = findings === null ? "No doctor watched this training." : training ? "Nothing so far. Most of what it finds, it says at the end of the training." : "Nothing found that is wrong.";
  const cards = (findings ?? []).map((one) => {
    const point = () => page.point(one.layer);
    const leave = () => page.point(null);
    const evidence = Object.entries(one.evidence).map(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]);
    return el(
      "article", { class: `finding ${one.severity}`, tabindex: "0", onmouseenter: point, onfocus: point, onmouseleave: leave, onblur: leave },
      el("header", {}, el("span", { class: "pill" }, one.severity), el("code", {}, one.code), one.layer ? el("span", { class: "where" }, `layer ${one.layer}`) : null),
      el("p", {}, one.message),
      one.why ? el("p", { class: "hint" }, one.why) : null,
      evidence.length ? el("dl", {}, evidence) : null,
      one.remedy ? el("pre", {}, one.remedy) : null,
      one.explains.length
        ? [el("p", { class: "hint" }, "Which explains:"), el("ul", { class: "hint" }, [...new Set(one.explains)].map((sentence) => el("li", {}, sentence)))]
        : null,
    );
  });
  replace(card, el("h3", {}, "Doctor"), error ? el("p", { class: "bad" }, error) : cards.length ? cards : el("p", { class: "empty small" }, nothing));
}

function drawLayers(card, layers) {
  const key = JSON.stringify(layers);
  if (card.dataset.key === key) return;
  card.dataset.key = key;
  const rows = layers.map((one) => el("li", { "data-layer": one.path }, el("code", {}, one.path), el("span", {}, one.text), el("span", { class: "num" }, one.parameters ? number(one.parameters) : "")));
  replace(card, el("h3", {}, "Layers"), rows.length ? el("ol", {}, rows) : el("p", { class: "empty small" }, "A network of classes of your own: its layers are known while it is trained."));
}

function drawSetup(card, setup) {
  const key = JSON.stringify(setup);
  if (card.dataset.key === key) return;
  card.dataset.key = key;
  replace(card, el("h3", {}, "Set-up"), el("dl", {}, Object.entries(setup).map(([name, value]) => [el("dt", {}, name), el("dd", {}, value)])));
}
