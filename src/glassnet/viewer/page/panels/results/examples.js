// Rows of the data as people see them: pictures, the columns of a table, or texts, with what was said of them.

import { el, replace, text } from "glassnet/dom.js";
import { number, percent } from "glassnet/format.js";
import { picture } from "glassnet/pixels.js";

/** A card with rows; back() leads from a cell to the worst rows. */
export function exampleList(back) {
  const title = el("h3");
  const hint = el("p", { class: "hint", role: "status" });
  const leave = el("button", { class: "quiet small", type: "button", hidden: true, onclick: back }, "× close");
  const place = el("div", { class: "scroll" });
  const element = el("section", { class: "card examples" }, el("header", {}, title, leave), hint, place);

  function draw(name, rows, words, opened = false) {
    text(title, name);
    text(hint, words);
    leave.hidden = !opened;
    if (rows.length === 0) replace(place);
    else if (rows[0].values) replace(place, table(rows));
    else replace(place, el("ul", { class: rows[0].picture ? "pictures" : "texts" }, rows.map((row) => el("li", {}, shown(row), said(row)))));
  }

  return { element, draw };
}

function shown(row) {
  return row.picture ? picture({ bytes: row.picture, scale: 1, signed: false }, row.size, `row ${row.row}, ${row.true}`) : el("code", { class: "context" }, row.text.replaceAll(" ", "␣"));
}

/** Rows of a table: what was said of them, then their columns. */
function table(rows) {
  const classes = rows[0].p_true !== undefined;
  const head = [...(classes ? ["true", "probability", "predicted", "probability"] : ["true", "predicted"]), ...rows[0].values.map(([column]) => column)];
  const cell = (value) => el("td", { class: typeof value === "number" ? "num" : "" }, typeof value === "number" ? number(value) : value);
  const body = rows.map((row) => el(
    "tr", { title: `row ${row.row}` }, el("td", { class: classes ? "" : "num" }, el("b", {}, classes ? row.true : number(row.true))),
    classes ? el("td", { class: "num soft" }, percent(row.p_true)) : null,
    el("td", { class: classes ? "" : "num" }, el("b", { class: row.true === row.predicted ? "" : "no" }, classes ? row.predicted : number(row.predicted))),
    classes ? el("td", { class: "num soft" }, percent(row.p_predicted)) : null, row.values.map(([, value]) => cell(value)),
  ));
  const numeric = (i) => (body[0].children[i].classList.contains("num") ? "num" : "");
  return el("table", {}, el("thead", {}, el("tr", {}, head.map((name, i) => el("th", { scope: "col", class: numeric(i) }, name)))), el("tbody", {}, body));
}

function said(row) {
  if (row.p_true === undefined) return el("p", { class: "caption" }, el("b", {}, number(row.true)), " → ", el("b", { class: "no" }, number(row.predicted)));
  const right = row.true === row.predicted;
  return el(
    "p", { class: "caption", title: `row ${row.row}, loss ${number(row.loss)}` },
    el("b", {}, name(row.true)), right ? ` ${percent(row.p_true)}` : [" → ", el("b", { class: "no" }, name(row.predicted)), el("span", { class: "soft" }, ` ${percent(row.p_predicted)}`)],
  );
}

function name(word) {
  return word === " " ? "␣" : word;
}
