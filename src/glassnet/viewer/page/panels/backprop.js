// Backpropagation: the graph of an expression, of a neuron or of the layers, forwards and backwards one node at a time.

import { el, replace, text } from "glassnet/dom.js";
import { number } from "glassnet/format.js";
import { graphPicture } from "glassnet/graph.js";

export const backprop = { name: "backprop", title: "Backpropagation", build };

const KINDS = { expression: "Expression", neuron: "A neuron", layers: "All layers" };
const PACE = 900; // milliseconds from step to step

function build(page) {
  const state = { run: null, choices: null, version: "", kind: "expression", graph: null, step: 0, asked: 0 };
  const picture = graphPicture();
  const kinds = el("div", { class: "segments", role: "group", "aria-label": "What is shown", hidden: true }, Object.entries(KINDS).map(([kind, name]) => el("button", { type: "button", "data-kind": kind, onclick: () => choose(kind) }, name)));
  const controls = el("div", { class: "controls" });
  const failed = el("p", { class: "bad", role: "alert", hidden: true });
  const where = el("strong", { class: "where" });
  const said = el("div", { class: "said", "aria-live": "polite" });
  const slider = el("input", { type: "range", min: 0, max: 0, value: 0, "aria-label": "Step", oninput: () => go(Number(slider.value)) });
  const button = (name, label, to) => el("button", { type: "button", "aria-label": label, title: label, onclick: () => (stop(), go(to())) }, name);
  const play = el("button", { type: "button", class: "primary", onclick: toggle }, "▶ Play");
  const steps = el(
    "div", { class: "steps" },
    button("|◀", "To the beginning", () => 0), button("◀", "One step back", () => state.step - 1), play,
    button("▶", "One step on", () => state.step + 1), button("▶|", "To the end", () => last()), slider, where,
  );
  const card = el("section", { class: "card graph-card", tabindex: "-1", onkeydown: key }, el("div", { class: "scroll graph-frame" }, picture.element));
  const words = el("section", { class: "card words" }, el("h3", {}, "The chain rule here"), said);
  const element = el("div", { class: "panel" }, el("section", { class: "card" }, kinds, controls, failed), el("div", { class: "backprop-grid" }, card, el("div", { class: "panel side" }, el("section", { class: "card" }, steps), words)));
  let playing = null;

  async function update() {
    const run = page.chosen();
    if (run.id === state.run && run.summary.version === state.version) return;
    const fresh = run.id !== state.run;
    const training = run.summary.state === "running";
    if (!fresh && (training || state.kind === "expression")) return; // steps that are gone through stay as they are
    Object.assign(state, { run: run.id, version: run.summary.version });
    try {
      state.choices = await page.ask(run.id, "backprop");
    } catch (error) {
      state.choices = { presets: [{ text: "a * b + c", values: "a=2,b=-3,c=10" }], stages: [], problem: error.message };
    }
    kinds.hidden = false;
    for (const one of kinds.children) one.hidden = one.dataset.kind !== "expression" && state.choices.stages.length === 0;
    choose(fresh ? "expression" : state.kind);
  }

  // What is shown

  function choose(kind) {
    stop();
    state.kind = kind;
    for (const one of kinds.children) one.setAttribute("aria-pressed", one.dataset.kind === kind);
    replace(controls, { expression, neuron, layers }[kind]());
  }

  function expression() {
    const { presets } = state.choices;
    const fields = el("span", { class: "values" });
    const field = el("input", { type: "text", class: "expression", maxlength: 120, value: presets[0].text, spellcheck: "false", autocapitalize: "none", autocomplete: "off", "aria-label": "An expression", readonly: !page.live, onchange: () => get(given()) });
    const choice = el("select", { "aria-label": "Expressions to begin with", onchange: () => preset(presets[Number(choice.value)]) }, presets.map((one, i) => el("option", { value: i }, one.text)));
    const given = () => [...fields.querySelectorAll("input")].map((one) => `${one.dataset.name}=${one.value || 0}`).join(",");

    async function get(values) {
      const graph = await ask({ kind: "expression", text: field.value, values });
      if (graph === null) return;
      replace(fields, Object.entries(graph.values).map(([name, value]) => el("label", {}, `${name} `, el("input", { type: "number", step: "any", value, "data-name": name, disabled: !page.live, onchange: () => get(given()) }))));
    }

    function preset(one) {
      field.value = one.text;
      get(one.values);
    }

    preset(presets[0]);
    return [choice, field, fields];
  }

  function neuron() {
    const { stages, offered, rows } = state.choices;
    const stage = el("select", { "aria-label": "Layer", onchange: () => begin() }, stages.map((one, i) => el("option", { value: i }, `${one.path} ${one.text}`)));
    const unit = el("input", { type: "number", min: 0, value: 0, class: "row-number", onchange: () => get() });
    const row = rowField(offered, rows, () => get());
    const get = () => unit.reportValidity() && row.reportValidity() && ask({ kind: "neuron", row: row.value, stage: String(stages[Number(stage.value)].stage), neuron: unit.value });
    const begin = () => {
      const one = stages[Number(stage.value)];
      unit.max = one.size - 1;
      unit.value = one.liveliest;
      get();
    };
    begin();
    return [stage, el("label", {}, "neuron ", unit), el("label", {}, "example ", row)];
  }

  function layers() {
    const { offered, rows } = state.choices;
    const row = rowField(offered, rows, () => get());
    const get = () => row.reportValidity() && ask({ kind: "layers", row: row.value });
    get();
    return [el("label", {}, "example ", row)];
  }

  const rowField = (offered, rows, changed) => el("input", { type: "number", min: 0, max: rows - 1, value: offered[0], class: "row-number", disabled: !page.live, onchange: changed });

  async function ask(query) {
    state.asked += 1;
    const own = state.asked;
    try {
      const graph = await page.ask(state.run, "backprop", query);
      if (own !== state.asked) return null;
      failed.hidden = true;
      state.graph = graph;
      picture.build(graph, state.kind === "neuron" ? null : graph.forward.at(-1)?.node);
      slider.max = last();
      go(0);
      return graph;
    } catch (error) {
      text(failed, error.message);
      failed.hidden = false;
      return null;
    }
  }

  // The steps: first all forward ones, then the backward ones

  const last = () => (state.graph ? state.graph.forward.length + state.graph.backward.length : 0);

  function go(step) {
    if (!state.graph) return;
    state.step = Math.max(0, Math.min(last(), step));
    slider.value = state.step;
    const { forward, backward, nodes } = state.graph;
    const before = Math.max(0, state.step - forward.length);
    const computed = new Set(forward.slice(0, state.step).map((one) => one.node));
    const isComputed = new Set(forward.map((one) => one.node));
    const values = nodes.map((node, i) => (isComputed.has(i) && !computed.has(i) ? null : node.value));
    const here = state.step === 0 ? null : before ? backward[before - 1] : forward[state.step - 1];
    const inputs = before ? here.passes.map((one) => one.input) : here ? nodes[here.node].inputs : [];
    picture.show({
      values, gradients: before ? arrived(before) : nodes.map(() => null), current: here?.node ?? null,
      lit: new Set(inputs.map((input) => `${input} ${here.node}`)), back: before > 0,
    });
    text(where, state.step === 0 ? "Given" : before ? `Backward ${before} of ${backward.length}` : `Forward ${state.step} of ${forward.length}`);
    replace(said, here === null ? beginning() : before ? backwards(here, before) : forwards(here));
  }

  /** The gradients that are there after so many backward steps, as text. */
  function arrived(before) {
    const { backward, nodes } = state.graph;
    const found = nodes.map(() => null);
    found[backward[0].node] = nodes[backward[0].node].gradient;
    for (const step of backward.slice(0, before)) {
      for (const one of step.passes) found[one.input] = one.after === undefined ? nodes[one.input].gradient : number(one.after);
    }
    return found;
  }

  // The words

  function beginning() {
    const { graph, kind } = state;
    const given = { expression: "The boxes with a value are given. L, at the bottom, is the result.", neuron: `The neuron's ${graph.nodes.filter((one) => one.title.startsWith("w[")).length} largest terms are followed, the others are one number, “rest”.`, layers: "Each layer is one node. The numbers are means ± standard deviations." }[kind];
    return [graph.title ? el("p", {}, el("strong", {}, graph.title), graph.name ? `, ${graph.name}` : "") : null, el("p", {}, given), el("p", { class: "hint" }, "Go on with ▶ or the arrow keys: first the values, down to the result, then the gradients, from the result back up.")];
  }

  const named = (i) => state.graph.nodes[i].title;
  const names = (node) => node.inputs.map((input, i) => `${["u", "v"][i] ?? `u${i}`} is ${named(input)} = ${state.graph.nodes[input].value}`);

  function forwards({ node, rule }) {
    const box = state.graph.nodes[node];
    const layer = box.kind === "layer";
    return [
      el("p", {}, el("strong", {}, box.title)),
      rule ? el("p", { class: "formula" }, `out = ${rule}`) : null,
      layer ? el("p", { class: "hint" }, `from ${box.inputs.map(named).join(" and ")}`) : el("ul", {}, names(box).map((one) => el("li", {}, one))),
      el("p", { class: "formula" }, `out = ${box.value}`),
      box.value_cells ? cells(box.value_cells, "The first numbers of it") : null,
    ];
  }

  function backwards({ node, rule, passes, parameters }, before) {
    const box = state.graph.nodes[node];
    const first = before === 1;
    const size = box.gradient_number === undefined ? box.gradient : number(box.gradient_number);
    const g = first ? (box.gradient_number === 1 ? "g = ∂L/∂out = 1: it is the result itself" : `g = ∂L/∂out = ${size}, from the rest of the network`) : `g = ∂L/∂out = ${size} has arrived`;
    return [
      el("p", {}, el("strong", {}, box.title)), el("p", { class: "formula" }, g),
      box.gradient_cells ? cells(box.gradient_cells, "The first numbers of it") : null,
      rule.map((one) => el("p", { class: "formula" }, one)),
      box.kind === "layer" ? null : el("ul", {}, names(box).map((one) => el("li", { class: "hint" }, one))),
      passes.map((one) => pass(one)),
      (parameters ?? []).map((one) => el("p", { class: "pass" }, `∂L/∂${one.name} (${one.shape.join(" × ")}): ${one.gradient}`)),
      passes.length || parameters?.length ? null : el("p", { class: "hint" }, "Nothing before it wants a gradient."),
    ];
  }

  /** What one input gets: g times the local derivative, added to what had arrived. */
  function pass(one) {
    const name = `∂L/∂${named(one.input)}`;
    if (one.share === undefined) return el("p", { class: "pass" }, `${name}: ${one.text ?? state.graph.nodes[one.input].gradient}`);
    const local = one.local === undefined ? "" : `g · ${one.rule ? `(${one.rule}) = g · ` : ""}${number(one.local)} = `;
    const added = one.before ? `; ${number(one.before)} had arrived: ${number(one.before)} + ${number(one.share)} = ${number(one.after)}` : "";
    return el("p", { class: "pass", "data-input": one.input, "data-share": one.share, "data-after": one.after }, `${name} ${one.before ? "+=" : "="} ${local}${number(one.share)}${added}`);
  }

  function cells(values, label) {
    const largest = Math.max(...values.map(Math.abs), 1e-30);
    return el("div", { class: "cells", role: "img", "aria-label": label }, values.map((value) => el("i", { class: value < 0 ? "below" : "above", style: `--p: ${(Math.abs(value) / largest).toFixed(3)}`, title: number(value) })));
  }

  // Playing

  function toggle() {
    if (playing !== null) return stop();
    if (state.step >= last()) go(0);
    text(play, "❚❚ Pause");
    playing = setInterval(() => (state.step >= last() || !element.isConnected ? stop() : go(state.step + 1)), PACE);
    return null;
  }

  function stop() {
    clearInterval(playing);
    playing = null;
    text(play, "▶ Play");
  }

  function key(event) {
    const moves = { ArrowRight: 1, ArrowLeft: -1 };
    if (!(event.key in moves)) return;
    event.preventDefault();
    stop();
    go(state.step + moves[event.key]);
  }

  window.addEventListener("beforeprint", () => element.isConnected && (stop(), go(last()))); // on paper, all that is known
  return { element, update };
}
