// The page around the panels: which runs are shown, which panel is open, light or dark, and what is lost.

import { el, replace, svg, text } from "glassnet/dom.js";
import { PANELS } from "glassnet/panels/table.js";
import { act, ask, listen, live, plotly } from "glassnet/transport.js";

/** Runs that are laid over each other until someone chooses others. */
const MOST_AT_FIRST = 6;
/** Milliseconds between two drawings of a panel; the figures of the run change more often. */
const GAP = 900;
/** Milliseconds after which a training that has not begun may take longer. */
const PATIENCE = 500;
const state = { runs: [], shown: new Set(), chosen: null, open: [], sheets: new Map(), versions: "", busy: false, again: null, wake: null };

// What panels are given, see panels/table.js

const page = {
  live,
  ask,
  act,
  chosen: () => withColor(state.runs.find((one) => one.id === state.chosen)),
  shown: () => {
    const chosen = state.runs.filter((one) => one.id === state.chosen);
    return [...chosen, ...state.runs.filter((one) => state.shown.has(one.id) && one.id !== state.chosen)].map(withColor);
  },
  runs: () => state.runs.map(withColor),
  isShown: (id) => id === state.chosen || state.shown.has(id),
  show: (id, wanted) => {
    if (wanted) state.shown.add(id);
    else state.shown.delete(id);
    refresh(true);
  },
  choose: (id) => {
    const before = page.chosen();
    state.chosen = id;
    if (page.chosen()?.summary.data !== before?.summary.data) showAlike();
    refresh(true);
  },
  point: (path) => {
    for (const node of document.querySelectorAll("[data-layer]")) {
      const own = node.dataset.layer;
      node.classList.toggle("pointed", path !== null && (own === path || path.startsWith(`${own}.`)));
    }
  },
};

function withColor(run) {
  if (!run) return null;
  return { id: run.id, name: run.name, color: state.runs.findIndex((one) => one.id === run.id), summary: run };
}

// The frame

const lost = el("p", { class: "lost", role: "status", hidden: true });
const chooser = el("select", { "aria-label": "Run", onchange: (event) => page.choose(event.target.value) });
const pill = el("span", { class: "pill" });
const title = el("span", { class: "title" });
const tabs = el("nav", { "aria-label": "Panels" });
const main = el("main", { id: "main", tabindex: "-1" });
const theme = el("button", { class: "quiet", type: "button", onclick: nextTheme });

const logo = svg(
  "svg", { viewBox: "0 0 32 32", class: "logo", "aria-hidden": "true" },
  [[8, 9], [8, 23]].flatMap(([x, y]) => [[24, 6], [24, 16], [24, 26]].map(([u, v]) => svg("line", { x1: x, y1: y, x2: u, y2: v }))),
  [[8, 9], [8, 23], [24, 6], [24, 16], [24, 26]].map(([x, y]) => svg("circle", { cx: x, cy: y, r: 3.4 })),
);

replace(
  document.getElementById("app"),
  el("header", { class: "top" }, el("span", { class: "brand" }, logo, el("span", { class: "word" }, "glassnet")), title, chooser, pill, el("span", { class: "room" }), theme),
  tabs, lost, main,
);
for (const panel of PANELS) {
  tabs.append(el("a", { href: `#${panel.name}`, "data-panel": panel.name }, panel.title));
}

// Which panel: one at a time while the page is live; a report shows all of them, one below the other, so that it can
// be printed

function sheet(panel) {
  if (!state.sheets.has(panel.name)) {
    const error = el("section", { class: "card error", role: "alert", hidden: true });
    const waiting = el("p", { class: "empty soon", role: "status", hidden: true });
    const built = panel.build(page);
    const element = el("section", { class: "sheet", "aria-label": panel.title }, live ? null : el("h2", { id: panel.name }, panel.title), error, waiting, built.element);
    state.sheets.set(panel.name, { ...built, body: built.element, of: null, element, error, waiting });
  }
  return state.sheets.get(panel.name);
}

function open() {
  const name = location.hash.slice(1);
  const wanted = PANELS.find((panel) => panel.name === name) ?? PANELS[0];
  for (const tab of tabs.children) {
    if (live && tab.dataset.panel === wanted.name) {
      tab.setAttribute("aria-current", "page");
      tabs.scrollLeft = tab.offsetLeft + tab.offsetWidth / 2 - tabs.clientWidth / 2; // on a phone they do not all fit
    } else tab.removeAttribute("aria-current");
  }
  if (live) document.title = `${wanted.title} – glassnet`;
  state.open = (live ? [wanted] : PANELS).map(sheet);
  replace(main, state.open.map((one) => one.element));
  if (!live && name) document.getElementById(name)?.scrollIntoView();
  refresh(true);
}

/** Bring what is open up to date; one call at a time, and another one if something came meanwhile. */
async function refresh(always = false) {
  drawTop();
  for (const one of state.open) one.tick?.();
  const versions = page.shown().map((one) => `${one.id} ${one.summary.version} ${one.summary.state}`).join();
  if (!always && versions === state.versions) return;
  if (state.busy) {
    state.again = always || state.again === "always" ? "always" : "newer";
    if (always) state.wake?.(); // who has chosen something does not wait for the calm between drawings
    return;
  }
  state.busy = true;
  state.versions = versions;
  const begun = performance.now();
  for (const one of state.open) await bring(one);
  // Drawing must not take the processor from the training: once a second, and at most a tenth of the time.
  const took = performance.now() - begun;
  if (live && !always && state.again !== "always") await new Promise((resolve) => { state.wake = resolve; setTimeout(resolve, Math.max(GAP - took, 9 * took)); });
  state.busy = false;
  if (state.again) {
    const wanted = state.again;
    state.again = null;
    refresh(wanted === "always");
  }
}

/** Load what charts are drawn with while a training lets itself be awaited: beside it, that would take its processor. */
function prepare() {
  if (page.chosen()?.summary.state === "waiting") plotly().catch(() => {}); // who draws with it says what is wrong
}

/** Bring a sheet up to date, or show why that cannot be. */
async function bring(one) {
  const chosen = page.chosen();
  try {
    if (chosen?.summary.error) throw new Error(chosen.summary.error);
    const begun = chosen && chosen.summary.state !== "waiting";
    text(one.waiting, begun ? "Just a moment ..." : "The training is about to begin. What there is to see appears here by itself.");
    if (chosen && !begun) setTimeout(prepare, PATIENCE);
    if (begun) {
      one.body.hidden = live && one.of === null && !one.tick; // no empty cards while the first answer is computed
      one.waiting.hidden = !one.body.hidden;
      await one.update();
      one.of = chosen.id;
    }
    one.error.hidden = true;
  } catch (error) {
    replace(one.error, el("h3", {}, "This cannot be shown"), el("p", {}, error.message));
    one.error.hidden = false;
  }
  one.body.hidden = one.of !== (chosen?.id ?? null); // nothing of another run beside the error of this one
  one.waiting.hidden = !(one.body.hidden && one.error.hidden);
}

const STATES = { running: "training", "going on": "training elsewhere", stopped: "stopped", done: "finished", error: "unreadable", waiting: "about to begin" };

function drawTop() {
  const chosen = page.chosen();
  const several = state.runs.length > 1;
  chooser.hidden = !several;
  title.hidden = several;
  text(title, chosen?.name ?? "");
  text(pill, STATES[chosen?.summary.state] ?? "waiting");
  pill.dataset.state = chosen?.summary.state ?? "";
  const names = state.runs.map((one) => one.id).join();
  if (chooser.dataset.names !== names) {
    chooser.dataset.names = names;
    replace(chooser, state.runs.map((one) => el("option", { value: one.id }, one.name)));
  }
  if (state.chosen !== null) chooser.value = state.chosen;
}

// Light and dark

const THEMES = ["auto", "light", "dark"];

function remembered() {
  try {
    return localStorage.getItem("glassnet-theme") ?? "auto";
  } catch {
    return "auto"; // a report on the disk may not remember
  }
}

function nextTheme() {
  const next = THEMES[(THEMES.indexOf(document.documentElement.dataset.theme) + 1) % THEMES.length];
  try {
    localStorage.setItem("glassnet-theme", next);
  } catch {
    document.documentElement.dataset.theme = next;
  }
  setTheme(next);
}

function setTheme(wanted) {
  document.documentElement.dataset.theme = THEMES.includes(wanted) ? wanted : "auto";
  const now = document.documentElement.dataset.theme;
  replace(theme, { auto: "◐", light: "○", dark: "●" }[now], el("span", { class: "word" }, ` ${now}`));
  theme.setAttribute("aria-label", `Colours: ${now}. Change them.`);
  document.dispatchEvent(new Event("glassnet-theme"));
}

let screen = "auto"; // the theme to go back to

/** On paper the page is light, and as wide as a sheet; charts are drawn again for that. */
function printing(begins) {
  const root = document.documentElement;
  root.classList.toggle("printing", begins);
  if (begins) screen = root.dataset.theme;
  setTheme(begins ? "light" : screen);
}

// Begin

/** Lay the last runs on the data of the chosen one over each other: losses on other data say nothing beside them. */
function showAlike() {
  const data = page.chosen()?.summary.data;
  state.shown = new Set(state.runs.filter((one) => one.data === data).slice(-MOST_AT_FIRST).map((one) => one.id));
}

function onRuns(runs) {
  state.runs = runs;
  if (!runs.some((one) => one.id === state.chosen)) {
    const best = runs.find((one) => one.state === "running") ?? runs.findLast((one) => one.state !== "error") ?? runs.at(-1);
    state.chosen = best?.id ?? null;
    showAlike();
  }
  refresh();
}

if (live && location.search) history.replaceState(null, "", location.pathname + location.hash); // the token
setTheme(remembered());
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => document.dispatchEvent(new Event("glassnet-theme")));
window.addEventListener("beforeprint", () => printing(true));
window.addEventListener("afterprint", () => printing(false));
window.addEventListener("hashchange", () => location.hash !== "#main" && open());
open();
listen(onRuns, (sentence) => {
  lost.hidden = sentence === null;
  text(lost, sentence ?? "");
});
