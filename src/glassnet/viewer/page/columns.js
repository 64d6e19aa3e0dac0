// A network as a picture: its layers as lines of neurons, with the strongest weights between them.

import { el, replace, svg } from "glassnet/dom.js";
import { number, percent } from "glassnet/format.js";
import { paint } from "glassnet/pixels.js";
import { arrange } from "glassnet/placing.js";

/** What the keys do: to another layer, to another neuron of it. */
const SIDEWAYS = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };
const DOWNWARDS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };

/** drawing({onPoint, onChoose}): {element, draw(data, options), choose(place)}. onPoint and onChoose get {stage, neuron} when
 * a neuron is pointed at, or chosen by a click or with the keys; neuron is its number in the layer.
 */
export function drawing({ onPoint, onChoose }) {
  const picture = svg("svg", { class: "network", tabindex: "0", role: "application", "aria-label": "The network. Arrow keys go from neuron to neuron." });
  const said = el("p", { class: "hidden-text", "aria-live": "polite" });
  const element = el("div", { class: "scroll network-frame" }, picture, said);
  let shape = "";
  let plan = null; // where everything stands
  let given = null;
  let chosen = null;
  let parts = [];
  let edges = null;

  function draw(data, options) {
    given = { data, options };
    const width = element.clientWidth;
    if (width === 0) return;
    const key = JSON.stringify([width, data.stages.map((one) => [one.size, one.neurons, one.path, Boolean(one.picture), one.labels?.map((label) => label.length)])]);
    if (key !== shape) {
      shape = key;
      build(data, width);
    }
    parts.forEach((part, i) => fill(part, data.stages[i], i, options));
    picture.classList.toggle("still", Boolean(options.still));
    fillEdges(data);
    mark();
  }

  new ResizeObserver(() => given && draw(given.data, given.options)).observe(element);
  document.addEventListener("glassnet-theme", () => given && draw(given.data, given.options));

  // Where everything stands

  function build(data, width) {
    plan = arrange(data.stages, width, parseFloat(getComputedStyle(document.documentElement).fontSize) / 16);
    picture.classList.toggle("small", plan.room.letter < 7);
    picture.classList.toggle("down", plan.down);
    picture.setAttribute("viewBox", `0 0 ${plan.width} ${plan.height}`);
    picture.setAttribute("width", plan.width);
    picture.setAttribute("height", plan.height);
    edges = svg("g", { class: "edges" });
    parts = plan.blocks.map((block, i) => place(block, data.stages[i], i));
    replace(picture, parts.map((part) => part.back), edges, parts.map((part) => part.group));
  }

  function place(block, stage, i) {
    const group = svg("g", { class: "stage", "data-layer": stage.path || null, style: `--delay: ${i * 90}ms` });
    const part = { ...block, group, back: null, circles: [], bars: [], texts: [] };
    if (block.side) {
      const box = { x: block.at[0], y: block.at[1], width: block.side, height: block.side };
      part.image = svg("image", { ...box, class: "pixels" });
      part.back = svg("g", {}, part.image, svg("rect", { ...box, class: "frame" })); // below the edges, which begin at its pixels
    } else {
      stage.values.forEach((_, j) => {
        const [x, y] = block.point(j);
        const circle = svg("circle", { cx: x, cy: y, r: block.radius, "data-stage": i, "data-place": j, class: "neuron" });
        part.circles.push(circle);
        group.append(circle);
        if (block.named) group.append(...labelled(part, x, y));
      });
    }
    group.append(...titles(block, stage, i));
    return part;
  }

  /** What a layer is called, and how many neurons it has. */
  function titles({ title: [x, y], anchor }, stage, i) {
    const kinds = stage.layers.map((layer) => layer.text.split(" ")[0].replace(/[12]d$/, ""));
    const name = i === 0 ? "input" : [stage.path, kinds[0]].filter(Boolean).join(" ");
    const more = stage.neurons ? `${stage.values.length} of ${number(stage.size)}` : number(stage.size);
    if (plan.down) {
      const size = svg("text", { x: plan.width - 8, y, class: "stage-size", "text-anchor": "end" }, more);
      return [svg("text", { x, y, class: "stage-name" }, [name, ...kinds.slice(1)].join(" + ")), size];
    }
    const rows = [[name, "stage-name"], ...kinds.slice(1).map((kind) => [`+ ${kind}`, "stage-name"]), [more, "stage-size"]];
    return rows.map(([words, kind], line) => svg("text", { x, y: y + 15 * line, class: kind, "text-anchor": anchor }, words));
  }

  function labelled(part, x, y) {
    const { inside, last, radius, letters, pitch } = part;
    const { down, room } = plan;
    const label = (u, v, anchor) => svg("text", { x: u, y: v, class: "unit-name", "text-anchor": anchor });
    let text = null;
    if (inside) text = label(x, y + 4.5, "middle");
    else if (down) text = label(x, last ? y + radius + 14 : y - radius - 6, "middle");
    else text = last ? label(x + radius + 6, y + 4, "start") : label(x - radius - 6, y + 4, "end");
    part.texts.push(text);
    if (inside || !last) return [text];
    const [bar, share] = down
      ? [{ x: x - Math.min(14, 0.6 * pitch) / 2, y: y + radius + 20, width: Math.min(14, 0.6 * pitch), height: 0 }, { x, "text-anchor": "middle" }]
      : [{ x: x + radius + 14 + room.letter * letters, y: y - 4, width: 0, height: 8 }, { y: y + 4 }];
    part.bars.push([svg("rect", { ...bar, rx: 2, class: "bar" }), svg("text", { ...share, class: "share" })]);
    return [text, ...part.bars.at(-1)];
  }

  // What it shows

  function fill(part, stage, i, options) {
    if (part.image) {
      const canvas = el("canvas");
      paint(canvas, options.show === "gradients" && stage.gradient_picture ? stage.gradient_picture : stage.picture, part.grid);
      part.image.setAttribute("href", canvas.toDataURL());
      return;
    }
    const indices = stage.shape.length && stage.labels && i === 0 && Number.isInteger(stage.values[0]) && !stage.gradients;
    const values = options.show === "gradients" ? stage.gradients ?? stage.values.map(() => 0) : stage.values;
    const largest = Math.max(...values.map(Math.abs), 1e-30);
    part.circles.forEach((circle, j) => {
      const share = indices ? 0 : Math.abs(values[j]) / largest;
      circle.setAttribute("class", `neuron ${values[j] < 0 ? "below" : "above"}`);
      circle.style.setProperty("--share", `${(100 * share).toFixed(1)}%`);
    });
    const probabilities = i === parts.length - 1 ? given.data.prediction?.probabilities : null;
    const likeliest = Math.max(...(probabilities ?? [1]));
    const best = given.data.prediction?.classes?.[0]?.neuron;
    part.texts.forEach((text, j) => {
      const label = stage.labels[j];
      text.textContent = part.inside || label.length <= part.letters ? label : `${label.slice(0, Math.max(1, part.letters - 1))}…`;
      if (part.bars.length === 0) return;
      const [bar, share] = part.bars[j];
      const p = probabilities?.[j] ?? 0;
      const long = (p / likeliest) * plan.room.bar;
      const close = plan.down && part.pitch < 26; // only one has room for its number
      bar.setAttribute(plan.down ? "height" : "width", long.toFixed(1));
      share.setAttribute(plan.down ? "y" : "x", Number(bar.getAttribute(plan.down ? "y" : "x")) + long + (plan.down ? 11 : 4));
      share.textContent = p < 0.005 || (close && j !== best) ? "" : plan.room.letter < 7 ? `${Math.round(100 * p)}%` : percent(p);
      bar.setAttribute("class", j === best ? "bar best" : "bar");
    });
  }

  function fillEdges(data) {
    const lines = [];
    data.stages.forEach((stage, i) => {
      if (i === 0) return;
      const largest = Math.max(...stage.edges.map((edge) => Math.abs(edge[2])), 1e-30);
      for (const [from, to, weight] of stage.edges.toReversed()) {
        const [[x, y], [u, v]] = [parts[i - 1].point(from), parts[i].point(to)];
        const share = Math.abs(weight) / largest;
        const [across, down] = [((x + u) / 2).toFixed(1), ((y + v) / 2).toFixed(1)];
        const bend = plan.down ? `${x.toFixed(1)} ${down} ${u.toFixed(1)} ${down}` : `${across} ${y.toFixed(1)} ${across} ${v.toFixed(1)}`;
        lines.push(svg("path", {
          d: `M${x.toFixed(1)} ${y.toFixed(1)}C${bend} ${u.toFixed(1)} ${v.toFixed(1)}`,
          class: `edge ${weight < 0 ? "below" : "above"}`, "stroke-width": (0.6 + 1.9 * share).toFixed(2),
          style: `--strength: ${(0.1 + 0.6 * share).toFixed(2)}`, "data-stage": i, "data-to": to, "data-from": from,
        }));
      }
    });
    replace(edges, lines);
  }

  // Pointing and choosing

  const numberOf = (stage, place) => given.data.stages[stage].neurons?.[place] ?? place;
  const found = (event) => {
    const node = event.target.closest?.("[data-place]");
    return node ? { stage: Number(node.dataset.stage), place: Number(node.dataset.place) } : null;
  };
  picture.addEventListener("pointerover", (event) => {
    const spot = found(event);
    if (spot && event.pointerType !== "touch") onPoint({ stage: spot.stage, neuron: numberOf(spot.stage, spot.place) });
  });
  picture.addEventListener("click", (event) => {
    const spot = found(event);
    if (spot) onChoose({ stage: spot.stage, neuron: numberOf(spot.stage, spot.place) });
  });
  picture.addEventListener("keydown", (event) => {
    const moves = plan?.down ? DOWNWARDS : SIDEWAYS;
    if (!(event.key in moves) || !given) return;
    event.preventDefault();
    const stages = given.data.stages;
    const [on, along] = moves[event.key];
    const stage = Math.max(stages[0].picture ? 1 : 0, Math.min(stages.length - 1, (chosen?.stage ?? 1) + on));
    const count = parts[stage].circles.length;
    const before = chosen ? placeOf(chosen) : 0;
    const place = Math.max(0, Math.min(count - 1, before + along));
    onChoose({ stage, neuron: numberOf(stage, place) });
  });

  function placeOf({ stage, neuron }) {
    const shown = given.data.stages[stage]?.neurons;
    return shown ? shown.indexOf(neuron) : neuron;
  }

  function choose(place) {
    chosen = place;
    mark();
  }

  function mark() {
    if (!given) return;
    for (const node of picture.querySelectorAll(".chosen")) node.classList.remove("chosen");
    picture.classList.toggle("focused", chosen !== null);
    if (chosen === null || !parts[chosen.stage]) return;
    const place = placeOf(chosen);
    parts[chosen.stage].circles[place]?.classList.add("chosen");
    for (const edge of picture.querySelectorAll(`path[data-stage="${Number(chosen.stage)}"][data-to="${Number(place)}"], path[data-stage="${Number(chosen.stage) + 1}"][data-from="${Number(place)}"]`)) edge.classList.add("chosen");
    const value = given.data.stages[chosen.stage].values?.[place];
    said.textContent = `Layer ${given.data.stages[chosen.stage].path || "of the input"}, neuron ${chosen.neuron}: ${number(value)}`;
  }

  return { element, draw, choose };
}
