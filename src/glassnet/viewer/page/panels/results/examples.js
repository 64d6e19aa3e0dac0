// Rows of the data as people see them: pictures, the columns of a table, or texts, with what was said of them.

import { el, replace, text } from "glassnet/dom.js";
import { number, percent } from "glassnet/format.js";

/** A card with rows; back() leads from a cell to the worst rows. */
export function exampleList(back) {
  const title = el("h3");
  const hint = el("p", { class: "hint", role: "status" });
  const leave = el("button", { class: "quiet small", type: "button", hidden: true, onclick: back }, "× close");
  const list = el("ul", { class: "examples" });
  const element = el("section", { class: "card" }, el("header", {}, title, leave), hint, list);

  function draw(name, rows, words, opened = false) {
    text(title, name);
    text(hint, words);
    leave.hidden = !opened;
    list.dataset.kind = rows.length === 0 ? "" : rows[0].picture ? "pictures" : rows[0].text === undefined ? "values" : "texts";
    replace(list, rows.map((row) => el("li", {}, shown(row), said(row))));
  }

  return { element, draw };
}

function shown(row) {
  if (row.picture) return picture(row);
  if (row.text !== undefined) return el("code", { class: "context" }, row.text.replaceAll(" ", "␣"));
  return el("dl", { class: "row-values" }, row.values.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, typeof value === "number" ? number(value) : value))));
}

/** Grey values in base64 as a picture, white on black as they are stored. */
function picture({ picture: packed, size: [height, width], row, true: name }) {
  const levels = Uint8Array.from(atob(packed), (one) => one.charCodeAt(0));
  const canvas = el("canvas", { width, height, role: "img", "aria-label": `row ${row}, ${name}` });
  const pixels = new ImageData(width, height);
  levels.forEach((level, i) => pixels.data.set([level, level, level, 255], 4 * i));
  canvas.getContext("2d").putImageData(pixels, 0, 0);
  return canvas;
}

function said(row) {
  if (row.p_true === undefined) return el("p", { class: "said" }, el("b", {}, number(row.true)), " predicted ", el("b", {}, number(row.predicted)), el("span", { class: "soft" }, ` row ${row.row}`));
  const right = row.true === row.predicted;
  return el(
    "p", { class: "said", title: `row ${row.row}, loss ${number(row.loss)}` },
    el("b", {}, name(row.true)), right ? ` ${percent(row.p_true)}` : [" → ", el("b", { class: "no" }, name(row.predicted)), el("span", { class: "soft" }, ` ${percent(row.p_predicted)}`)],
  );
}

function name(word) {
  return word === " " ? "␣" : word;
}
