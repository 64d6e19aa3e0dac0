// What a language model makes up, and how surprised it is by each character.

import { el, replace, text } from "glassnet/dom.js";
import { number, percent } from "glassnet/format.js";

/** The loss in nats that has the full colour. */
const MOST = 6;

export function language(page) {
  const temperature = el("select", { "aria-label": "Temperature", onchange: () => ask() });
  const again = el("button", { type: "button", class: "small", onclick: () => ask(seed + 1) }, "Draw others");
  const said = el("p", { class: "hint", role: "status" });
  const items = el("ul", { class: "items" });
  const typed = el("input", { type: "text", "aria-label": "A text of your own", placeholder: "type a name ...", maxlength: 200, autocomplete: "off", spellcheck: "false" });
  const verdict = el("div", { class: "typed", role: "status" });
  const form = el("form", { class: "row tight", onsubmit: (event) => { event.preventDefault(); score(); } }, typed, el("button", { type: "submit" }, "Score it"));
  const legend = el("p", { class: "legend nats" }, [0, 1.5, 3, 4.5, 6].map((loss) => character(loss === MOST ? "6 nats and more" : `${loss}`, loss)));
  const controls = page.live ? el("span", { class: "row tight" }, temperature, again) : null;
  const element = el(
    "section", { class: "card language wide" }, el("header", {}, el("h3", {}, "Samples"), controls), said, items, legend,
    page.live ? [el("h3", {}, "A text of your own"), form, verdict] : null,
  );
  let run = null;
  let seed = 0;

  async function ask(next = seed) {
    seed = next;
    try {
      // Asked for plainly at first, as a report holds it
      const query = seed === 0 && (temperature.value || "1") === "1" ? {} : { seed: String(seed), temperature: temperature.value };
      const found = await page.ask(run.id, "results", { part: "samples", ...query });
      if (!temperature.options.length) replace(temperature, found.temperatures.map((one) => el("option", { value: one, selected: one === "1" }, `temperature ${one}`)));
      const left = found.known === null ? "Made up; whether they are in the data is not known here." : `Made up, and not in the data; ${number(found.known)} of ${number(found.drawn)} drawn stand in the training rows and were left out.`;
      text(said, `${left} The stronger its colour, the more a character surprised the network. The number is the mean loss in nats: 0 was certain, 2.3 had one chance in ten.${page.live ? " A low temperature keeps to what is likely." : ""}`);
      replace(items, found.items.map((item) => el("li", {}, scored(item))));
    } catch (error) {
      fail(error);
    }
  }

  async function score() {
    try {
      const found = await page.ask(run.id, "results", { part: "score", text: typed.value });
      const rows = found.characters.map((one, i) => el("li", {}, character(one, found.losses[i]), el("span", {}, number(found.losses[i])), el("span", { class: "soft" }, chance(found.losses[i]))));
      replace(verdict, el("p", {}, scored(found)), el("ol", { class: "each" }, rows));
    } catch (error) {
      replace(verdict, el("p", { class: "bad" }, error.message));
    }
  }

  function fail(error) {
    text(said, error.message);
    replace(items);
  }

  function draw(chosen) {
    if (chosen.id !== run?.id) seed = 0;
    run = chosen;
    return ask();
  }

  return { element, draw, fail };
}

function chance(loss) {
  return loss === null ? "never seen" : percent(Math.exp(-loss));
}

/** A text, character by character; the last one is its end. */
function scored({ characters, losses, mean }) {
  return [
    el("code", { class: "scored" }, characters.map((one, i) => character(one, losses[i]))),
    el("span", { class: "soft" }, `${number(mean === null ? null : Number(mean.toPrecision(3)))} nats`),
  ];
}

function character(word, loss) {
  const node = el("i", { class: "character", title: `loss ${number(loss)}, probability ${chance(loss)}` }, word === " " ? "␣" : word);
  node.style.setProperty("--share", loss === null ? 1 : Math.min(1, Math.max(0, loss / MOST)));
  return node;
}
