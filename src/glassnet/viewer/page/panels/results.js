// Data and results: scores, the confusion matrix that opens the mistakes, and pictures of what was learned.

import { el, replace, text } from "glassnet/dom.js";
import { named, number } from "glassnet/format.js";
import { boundary, embedding, predictions } from "glassnet/panels/results/charts.js";
import { exampleList } from "glassnet/panels/results/examples.js";
import { language } from "glassnet/panels/results/language.js";
import { matrix, perClass } from "glassnet/panels/results/matrix.js";

export const results = { name: "results", title: "Data and results", build };

/** Seconds between two evaluations beside a training. */
const AGAIN = 1;
const SPLITS = { train: "training rows", val: "validation rows", test: "test rows" };
const NAMES = { loss: "loss", accuracy: "accuracy", mae: "mean absolute error", r2: "R²" };

function build(page) {
  const split = el("select", { "aria-label": "Rows", onchange: (event) => { chosen = event.target.value; update(true).catch(show); } });
  const figures = el("section", { class: "figures" });
  const confusion = matrix((cell) => open(cell));
  const examples = exampleList(() => open(null));
  const scores = perClass();
  const scatter = predictions();
  const parts = { boundary: boundary(page), embedding: embedding(page), samples: language(page) };
  const left = el("div", { class: "column" });
  const right = el("div", { class: "column" });
  const wrong = el("p", { class: "bad", role: "alert", hidden: true });
  const element = el("div", { class: "panel results" }, figures, wrong, parts.samples.element, el("div", { class: "halves" }, el("div", { class: "column" }, confusion.element, scatter.element, left), el("div", { class: "column" }, examples.element, scores.element, right)));
  let chosen = null; // a split, where someone chose one
  let of = null; // the run that is shown
  let found = null;
  let last = 0;
  let key = "";

  async function update(always = false) {
    const run = page.chosen();
    const goesOn = run.summary.state === "running";
    const now = `${run.id} ${run.summary.version} ${run.summary.state} ${chosen}`;
    if (!always && now === key) return;
    if (!always && goesOn && run.id === of?.id && performance.now() - last < AGAIN * 1000) return;
    if (run.id !== of?.id) {
      chosen = null;
      confusion.mark(null); // its classes are others
    }
    [of, key] = [run, now];
    found = await page.ask(run.id, "results", chosen === null ? {} : { split: chosen });
    last = performance.now();
    wrong.hidden = true;
    drawFigures();
    const classes = found.kind === "classification";
    confusion.element.hidden = scores.element.hidden = !classes;
    scatter.element.hidden = classes;
    if (classes) {
      confusion.draw(found);
      scores.draw(found);
    } else scatter.draw(found);
    await open(confusion.opened(), false);
    parts.samples.element.hidden = !found.parts.includes("samples");
    const [one, other] = ["boundary", "embedding"].filter((name) => found.parts.includes(name)).map((name) => parts[name].element);
    replace(left, one);
    replace(right, other);
    for (const name of found.parts) await parts[name].draw(run).catch(parts[name].fail);
  }

  /** Show the rows of a cell of the matrix, or the worst ones for null. */
  async function open(cell, pressed = true) {
    if (cell === null) {
      confusion.mark(null);
      examples.draw(found.kind === "classification" ? "Hardest mistakes" : "Largest errors", found.worst, worstHint());
      return;
    }
    confusion.mark(cell);
    try {
      const query = { part: "cell", true: String(cell.true), predicted: String(cell.predicted), ...(chosen === null ? {} : { split: chosen }) };
      const { true: name, predicted, right, count, examples: rows } = await page.ask(of.id, "results", query);
      const title = right ? `${name}, rightly` : `${name} taken for ${predicted}`;
      examples.draw(title, rows, `${number(count)} of ${number(found.rows)} rows, those with the largest loss first.`, true);
      if (pressed) examples.element.scrollIntoView({ block: "nearest" });
    } catch (error) {
      examples.draw("Rows of this cell", [], error.message, true);
    }
  }

  function worstHint() {
    if (found.kind !== "classification") return "What is true, and what was predicted.";
    return found.mistakes ? `${found.mistakes === 1 ? "The only mistake." : `Those with the largest loss of ${number(found.mistakes)} mistakes.`} A cell of the matrix opens its own.` : "No mistakes.";
  }

  function drawFigures() {
    const names = Object.keys(found.scores);
    replace(split, found.splits.map((name) => el("option", { value: name, selected: name === found.split }, SPLITS[name] ?? name)));
    const rows = found.rows < found.total ? `${number(found.rows)} of ${number(found.total)}` : `${number(found.rows)}`;
    const cell = (name, value) => el("div", { class: "figure" }, el("span", {}, name), el("strong", {}, value));
    replace(
      figures,
      el("div", { class: "figure" }, el("span", {}, `${rows} rows`), page.live ? split : el("strong", {}, SPLITS[found.split] ?? found.split)),
      names.map((name) => cell(NAMES[name] ?? name, named(name, found.scores[name]))),
      found.mistakes === undefined ? null : cell("mistakes", number(found.mistakes)),
    );
  }

  function show(error) {
    text(wrong, error.message);
    wrong.hidden = false;
  }

  return { element, update };
}
