// The network: an input flows through it, at any of the epochs whose weights were kept.

import { drawing } from "glassnet/columns.js";
import { el, replace, text } from "glassnet/dom.js";
import { number, percent } from "glassnet/format.js";
import { pad } from "glassnet/pad.js";
import { neuronCards, signs, thumbnail } from "glassnet/panels/neuron.js";

export const network = { name: "network", title: "Network", build };

const KINDS = { row: "Examples", drawn: "Draw", typed: "Type" };
/** Milliseconds between two looks at weights that are being trained, and until a neuron that is pointed at is asked for. */
const CALM = 1000;
const POINTED = 140;
const HOW_TO_POINT = matchMedia("(hover: none)").matches ? "Tap a neuron to see its numbers." : "Point at a neuron to see its numbers, click to keep it.";

function build(page) {
  const state = { run: null, choices: null, query: null, row: 0, epoch: null, place: null, pinned: false, show: "activations", flow: null, version: "", asked: 0 };
  const map = drawing({ onPoint: point, onChoose: (place) => choose(place, true) });
  const cards = neuronCards();
  const kinds = el("div", { class: "segments", role: "group", "aria-label": "Where the input comes from" });
  const inputs = el("div", { class: "input-body" });
  const verdict = el("p", { class: "verdict", role: "status" });
  const slider = el("input", { type: "range", min: 0, max: 0, value: 0, "aria-label": "Epoch", oninput: () => moveTo(Number(slider.value)) });
  const when = el("output", { class: "when" });
  const play = el("button", { class: "play", type: "button", onclick: animate }, "▶ Watch it learn");
  const time = el("div", { class: "time" }, play, slider, when);
  const show = el("div", { class: "segments", role: "group", "aria-label": "What the brightness is" }, ["activations", "gradients"].map((name) => el("button", { type: "button", "aria-pressed": String(name === "activations"), onclick: (event) => showing(name, event.target) }, name)));
  const failed = el("p", { class: "bad", role: "alert", hidden: true });
  const note = el("p", { class: "hint" });
  const input = el("section", { class: "card input" }, el("h3", {}, "Input"), kinds, inputs);
  const main = el("section", { class: "card network-card" }, el("header", {}, verdict, show), time, failed, map.element, el("div", { class: "legend-row" }, signs("", ""), note));
  const element = el("div", { class: "panel" }, el("div", { class: "network-grid" }, input, main), cards.element);
  let drawPad = null;
  let playing = null;
  let pointing = 0;
  let last = 0;
  let later = 0;

  async function update() {
    const run = page.chosen();
    const fresh = run.id !== state.run;
    const training = run.summary.state === "running";
    if (!fresh && training && Date.now() - last < CALM) {
      later ||= setTimeout(() => { later = 0; if (element.isConnected) update().catch(fail); }, CALM);
      return;
    }
    last = Date.now();
    if (fresh) Object.assign(state, { run: run.id, query: null, epoch: null, place: null, pinned: false, flow: null });
    if (fresh || run.summary.version !== state.version) {
      state.choices = await page.ask(run.id, "network");
      state.version = run.summary.version;
      if (fresh) begin();
      drawTime();
    }
    await refresh(!fresh);
  }

  function begin() {
    const { kinds: possible, offered } = state.choices;
    state.row = offered[0].row;
    state.query = { row: String(state.row) };
    const usable = page.live ? possible : ["row"];
    replace(kinds, usable.map((kind) => el("button", { type: "button", "data-kind": kind, onclick: () => chooseKind(kind, true) }, KINDS[kind])));
    kinds.hidden = usable.length < 2;
    chooseKind("row");
  }

  // The input

  /** again: go back to what was given in this way before. */
  function chooseKind(kind, again = false) {
    for (const button of kinds.children) button.setAttribute("aria-pressed", button.dataset.kind === kind);
    replace(inputs, { row: rows, drawn: drawn, typed: typed }[kind]());
    if (again && kind === "row") chooseRow(state.row);
    if (again && kind === "drawn") give(drawPad.pixels());
  }

  function rows() {
    const { offered, rows: count, split, shape } = state.choices;
    const tiles = offered.map((one) => el("button", { class: "tile", type: "button", title: `${split} row ${one.row}`, "data-row": one.row, onclick: () => chooseRow(one.row) }, thumbnail(one, shape), one.target ? el("span", { class: "hint" }, one.text ? `→ ${one.target}` : one.target) : null));
    const field = el("input", { type: "number", min: 0, max: count - 1, value: state.row, class: "row-number", "aria-label": `Row of the ${split} split`, onchange: () => field.reportValidity() && chooseRow(Number(field.value)) });
    const any = el("button", { type: "button", onclick: () => chooseRow(Math.floor(Math.random() * count)) }, "Any");
    return [el("div", { class: "tiles" }, tiles), page.live ? el("p", { class: "one-row" }, el("label", {}, `${split} row `, field), any) : null];
  }

  function chooseRow(row) {
    const field = inputs.querySelector(".row-number");
    if (field) field.value = row;
    state.row = row;
    state.query = { row: String(row) };
    refresh().catch(fail);
  }

  function drawn() {
    drawPad ??= pad(state.choices.drawn, give);
    return [drawPad.element, el("p", { class: "one-row" }, el("span", { class: "hint" }, "What you draw is centred and scaled as the digits of the data are."), el("button", { type: "button", onclick: drawPad.clear }, "Clear"))];
  }

  function give(pixels) {
    if (pixels === "") return;
    state.query = { drawn: pixels };
    refresh().catch(fail);
  }

  /** Phones begin with a capital, which the data may not have. */
  const known = (word) => [...word].map((one) => (state.choices.characters.includes(one) ? one : one.toLowerCase())).join("");

  function typed() {
    const letters = el("div", { class: "letters", role: "group", "aria-label": "Which character is predicted" });
    const field = el("input", { type: "text", maxlength: 60, placeholder: "a name", autocapitalize: "none", autocomplete: "off", spellcheck: "false", "aria-label": "A text", oninput: () => field.value && ask(field.value, null) });
    const ask = (word, place) => {
      state.query = { typed: known(word), ...(place === null ? {} : { place: String(place) }) };
      refresh().catch(fail);
    };
    inputs.letters = (flow) => replace(letters, (flow.letters ?? []).map((one, i) => el("button", { type: "button", class: "letter", "aria-pressed": String(one.chosen), style: `--p: ${one.probability}`, onclick: () => ask(field.value, i) }, el("strong", {}, one.text), el("span", {}, percent(one.probability)))));
    return [field, letters, el("p", { class: "hint" }, "Below each character: how likely the network held it. Choose one to see how it was predicted.")];
  }

  // The epoch

  function drawTime() {
    const { epochs } = state.choices;
    time.hidden = epochs.length === 0;
    slider.max = epochs.length;
    slider.value = state.epoch === null ? epochs.length : epochs.indexOf(state.epoch);
    const now = page.chosen().summary.state === "running" ? "now" : "final weights";
    text(when, state.epoch === null ? now : state.epoch === 0 ? "before training" : `after epoch ${state.epoch}`);
  }

  function moveTo(place) {
    const { epochs } = state.choices;
    state.epoch = place < epochs.length ? epochs[place] : null;
    if (!page.live && state.epoch !== null) state.query = { row: String(state.choices.offered[0].row) }; // what a report holds
    drawTime();
    return refresh().catch(fail);
  }

  function animate() {
    if (playing) return stop();
    const { epochs } = state.choices;
    let place = 0;
    text(play, "❚❚ Pause");
    const step = async () => {
      await moveTo(place);
      place += 1;
      playing = place > epochs.length ? stop() : setTimeout(step, 450);
    };
    playing = setTimeout(step, 0);
    return null;
  }

  function stop() {
    clearTimeout(playing);
    text(play, "▶ Watch it learn");
    playing = null;
    return null;
  }

  // What it does

  const query = () => ({ ...state.query, ...(state.epoch === null ? {} : { epoch: String(state.epoch) }) });

  /** still: the weights have moved on, the input is the same: nothing flows. */
  async function refresh(still = false) {
    state.asked += 1;
    const own = state.asked;
    const flow = await page.ask(state.run, "flow", query());
    if (own !== state.asked) return; // another one was asked for meanwhile
    failed.hidden = true;
    state.flow = flow;
    state.still = still;
    for (const tile of inputs.querySelectorAll("[data-row]")) tile.setAttribute("aria-pressed", tile.dataset.row === state.query.row);
    inputs.letters?.(flow);
    draw();
    if (state.place === null) state.place = liveliest(flow);
    if (state.place !== null && state.place.stage < flow.stages.length) await askNeuron();
    else cards.draw(null);
  }

  /** The most active neuron of the first layer that has weights. */
  function liveliest({ stages }) {
    const weighted = stages.findIndex((stage) => /^(Linear|Conv)/.test(stage.layers[0]?.text));
    const stage = weighted < 0 ? Math.min(1, stages.length - 1) : weighted;
    const place = stages[stage].values ? stages[stage].values.indexOf(Math.max(...stages[stage].values)) : 0;
    return { stage, neuron: stages[stage].neurons?.[place] ?? place };
  }

  function draw() {
    map.draw(state.flow, { show: state.show, still: state.still });
    replace(verdict, said(state.flow));
    const guess = state.flow.target === undefined && state.show === "gradients" ? "The gradients are those of the loss if the prediction were right. " : "";
    const left = state.flow.left_out ? `${state.flow.left_out} more layers are not shown. ` : "";
    const { rows, of, split } = state.choices;
    const kept = rows < of ? `Of the ${number(of)} ${split} rows, ${number(rows)} are known here. ` : "";
    text(note, `${guess}${left}${kept}The fuller the colour, the larger the number, within its layer; lines are the strongest weights. ${HOW_TO_POINT}`);
  }

  function said({ prediction, target, loss, name, text: characters }) {
    if (!prediction) return name;
    const quoted = (word) => (characters === undefined ? word : word === "." ? "the end" : `“${word}”`);
    const right = target === undefined ? null : prediction.classes ? prediction.classes[0].name === target : null;
    const best = prediction.classes ? [quoted(prediction.classes[0].name), ` ${percent(prediction.classes[0].probability)}`] : [prediction.value, ""];
    return [
      el("span", { class: "hint" }, characters === undefined ? `${name}: ` : `${name}, after “${characters}”: `), el("strong", { class: "answer" }, best[0]), el("span", { class: "share" }, best[1]),
      target === undefined ? null : el("span", { class: right === false ? "wrong" : "hint" }, right === null ? ` · the target is ${target}` : right ? " ✓ right" : ` ✗ it is ${quoted(target)}`),
      loss === null ? null : el("span", { class: "hint" }, ` · loss ${number(loss)}`),
    ];
  }

  function showing(name, button) {
    state.show = name;
    for (const one of show.children) one.setAttribute("aria-pressed", one === button);
    if (state.flow) draw();
  }

  // The neuron

  function point(place) {
    if (state.pinned) return;
    clearTimeout(pointing);
    pointing = setTimeout(() => choose(place, false), POINTED);
  }

  function choose(place, pinned) {
    clearTimeout(pointing); // what is chosen stays, whatever was pointed at on the way
    const same = state.pinned && pinned && state.place?.stage === place.stage && state.place?.neuron === place.neuron;
    state.pinned = pinned && !same;
    state.place = place;
    map.choose(place);
    askNeuron().catch(fail);
  }

  async function askNeuron() {
    const place = state.place;
    const own = state.asked;
    let data = null;
    try {
      data = await page.ask(state.run, "neuron", { ...query(), stage: String(place.stage), neuron: String(place.neuron) });
    } catch (error) {
      if (page.live) throw error; // a report holds some neurons of some examples
    }
    if (place !== state.place || own !== state.asked) return;
    cards.draw(data, { flow: state.flow, shape: state.choices.shape, choose: (next) => choose(next, true), chooseRow: page.live ? chooseRow : null });
    map.choose(place);
  }

  function fail(error) {
    text(failed, error.message);
    failed.hidden = false;
  }

  cards.draw(null);
  return { element, update };
}
