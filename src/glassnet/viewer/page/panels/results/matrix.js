// The confusion matrix as a table of buttons, and the scores of each class.

import { el, replace } from "glassnet/dom.js";
import { number, percent } from "glassnet/format.js";

/** With more classes, numbers are not legible in the cells. */
const MOST_NUMBERS = 16;
const STEPS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

/** open({true, predicted}) is called when a cell is pressed, open(null) when that one is pressed again. */
export function matrix(open) {
  const table = el("table", { class: "matrix", "aria-label": "Confusion matrix" });
  const hint = el("p", { class: "hint" });
  const element = el("section", { class: "card" }, el("header", {}, el("h3", {}, "Confusion matrix")), hint, el("div", { class: "scroll" }, table));
  let cells = []; // rows of buttons, null where a cell is empty
  let marked = null;

  table.addEventListener("keydown", (event) => {
    const step = STEPS[event.key];
    const at = step && place(event.target);
    if (!at) return;
    event.preventDefault();
    for (let [i, j] = [at[0] + step[0], at[1] + step[1]]; cells[i]?.[j] !== undefined; i += step[0], j += step[1]) {
      if (cells[i][j] !== null) {
        cells[i][j].focus();
        return;
      }
    }
  });

  function place(node) {
    for (const [i, row] of cells.entries()) {
      const j = row.indexOf(node);
      if (j >= 0) return [i, j];
    }
    return null;
  }

  function draw(found) {
    const { classes, numbers, confusion } = found;
    const key = JSON.stringify([classes, confusion]);
    const more = found.all_classes > classes.length ? ` The ${classes.length} classes with the most mistakes of ${number(found.all_classes)}.` : "";
    replace(hint, `Rows: what is true; columns: what it was taken for. Press a cell to see its rows.${more}`);
    if (table.dataset.key === key) return;
    table.dataset.key = key;
    table.classList.toggle("many", classes.length > MOST_NUMBERS);
    const focused = place(document.activeElement);
    cells = confusion.map((row, i) => {
      const total = row.reduce((a, b) => a + b, 0);
      return row.map((count, j) => (count === 0 ? null : button(count, count / total, classes, numbers, i, j)));
    });
    table.style.setProperty("--head", `${Math.min(10, classes.reduce((most, name) => Math.max(most, name.length), 0)) + 1}ch`);
    const head = el("tr", {}, el("td"), classes.map((name) => el("th", { scope: "col", title: name }, symbol(name))));
    const body = cells.map((row, i) => el("tr", {}, el("th", { scope: "row", title: classes[i] }, symbol(classes[i])), row.map((one) => el("td", {}, one))));
    replace(table, el("thead", {}, head), el("tbody", {}, body));
    const first = cells.flat().find((one) => one !== null);
    if (first) first.tabIndex = 0;
    if (focused) cells[focused[0]]?.[focused[1]]?.focus();
    mark(marked);
  }

  function button(count, share, classes, numbers, i, j) {
    const cell = { true: numbers[i], predicted: numbers[j] };
    const words = i === j ? `${count} of ${classes[i]} rightly` : `${count} of ${classes[i]} taken for ${classes[j]}`;
    const node = el("button", {
      type: "button", class: i === j ? "right" : "wrong", tabindex: -1, "aria-label": words, title: `${words} (${percent(share)})`,
      "data-true": cell.true, "data-predicted": cell.predicted,
      onclick: () => open(same(marked, cell) ? null : cell),
      onfocus: () => {
        for (const one of cells.flat()) if (one !== null) one.tabIndex = one === node ? 0 : -1;
      },
    }, classes.length > MOST_NUMBERS ? "" : number(count));
    node.style.setProperty("--share", i === j ? share : Math.sqrt(share)); // so that a few mistakes are seen
    return node;
  }

  function mark(cell) {
    marked = cell;
    for (const node of cells.flat()) {
      if (node !== null) node.setAttribute("aria-pressed", String(cell !== null && node.dataset.true === String(cell.true) && node.dataset.predicted === String(cell.predicted)));
    }
  }

  return { element, draw, mark, opened: () => marked };
}

function same(a, b) {
  return a !== null && a.true === b.true && a.predicted === b.predicted;
}

function symbol(name) {
  return name === " " ? "␣" : name;
}

/** A table with a bar for each score. */
export function perClass() {
  const table = el("table", { class: "scores" });
  const element = el("section", { class: "card" }, el("header", {}, el("h3", {}, "Classes")), el("p", { class: "hint" }, "Precision: of those taken for it, how many are. Recall: of those that are, how many were found."), el("div", { class: "scroll" }, table));

  function draw({ classes, per_class: scores }) {
    const heads = ["class", "rows", "precision", "recall", "F1"].map((name, i) => el("th", { scope: "col", class: i ? "num" : "" }, name));
    const rows = scores.map(({ precision, recall, f1, support }, i) => el(
      "tr", {}, el("th", { scope: "row" }, symbol(classes[i])), el("td", { class: "num" }, number(support)),
      [precision, recall, f1].map((value) => bar(value)),
    ));
    replace(table, el("thead", {}, el("tr", {}, heads)), el("tbody", {}, rows));
  }

  return { element, draw };
}

function bar(value) {
  const node = el("td", { class: "num meter" }, percent(value));
  node.style.setProperty("--share", value ?? 0);
  return node;
}
