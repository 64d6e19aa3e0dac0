// A network as a picture: its layers from left to right as columns of neurons, with the strongest weights between them.

import { el, replace, svg } from "glassnet/dom.js";
import { number, percent } from "glassnet/format.js";
import { paint } from "glassnet/pixels.js";

const TALLEST = 32; // neurons in a column; more stand side by side
/** In pixels: between columns, at least; for the names of outputs, their bars, and the names of inputs. */
const WIDE = { gap: 56, labels: 132, bar: 44, inputs: 76, block: 150 };
const NARROW = { gap: 26, labels: 66, bar: 14, inputs: 60, block: 72 };

/** drawing({onPoint, onChoose}): {element, draw(data, options), choose(place)}. onPoint and onChoose get {stage, neuron} when
 * a neuron is pointed at, or chosen by a click or with the keys; neuron is its number in the layer.
 */
export function drawing({ onPoint, onChoose }) {
  const picture = svg("svg", { class: "network", tabindex: "0", role: "application", "aria-label": "The network. Arrow keys go from neuron to neuron." });
  const said = el("p", { class: "hidden-text", "aria-live": "polite" });
  const element = el("div", { class: "scroll network-frame" }, picture, said);
  let shape = "";
  let room = WIDE;
  let given = null;
  let chosen = null;
  let parts = [];
  let edges = null;

  function draw(data, options) {
    given = { data, options };
    const width = element.clientWidth;
    if (width === 0) return;
    const key = JSON.stringify([width, data.stages.map((one) => [one.size, one.neurons, one.path, Boolean(one.picture), one.labels?.length])]);
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
    room = width < 560 || width / data.stages.length < 130 ? NARROW : WIDE;
    picture.classList.toggle("small", room === NARROW);
    const height = Math.max(300, Math.min(560, width * 0.52));
    const blocks = data.stages.map((stage, i) => block(stage, height, width, i, data.stages.length));
    const needed = blocks.reduce((sum, one) => sum + one.width, 0) + room.gap * (blocks.length - 1) + 16;
    const full = Math.max(width, needed);
    const gap = blocks.length > 1 ? (full - 16 - blocks.reduce((sum, one) => sum + one.width, 0)) / (blocks.length - 1) : 0;
    let x = 8;
    for (const one of blocks) {
      one.x = x;
      x += one.width + gap;
    }
    const tall = height + 28 + 15 * Math.max(...data.stages.map((stage) => stage.layers.length || 1));
    picture.setAttribute("viewBox", `0 0 ${full} ${tall}`);
    picture.setAttribute("width", full);
    picture.setAttribute("height", tall);
    edges = svg("g", { class: "edges" });
    parts = blocks.map((one, i) => place(one, data.stages[i], i, height));
    replace(picture, parts.map((part) => part.back), edges, parts.map((part) => part.group));
  }

  function block(stage, height, width, i, stages) {
    const last = i === stages - 1;
    if (stage.picture) {
      const side = Math.min(height * 0.62, Math.max(96, width * 0.24));
      return { side, width: side };
    }
    const count = stage.values.length;
    const inside = i === 0 && stage.labels?.every((label) => label.length < 3);
    const named = stage.labels && count <= TALLEST;
    const rows = Math.min(count, TALLEST);
    const columns = Math.ceil(count / rows);
    const pitch = Math.min(34, (height - 8) / rows);
    const step = columns > 1 ? Math.min(pitch, Math.max(7, room.block / columns)) : pitch;
    const names = !named || inside ? 0 : last ? room.labels : room.inputs;
    return { rows, columns, pitch, step, named, inside, last, width: columns * step + names };
  }

  function place(one, stage, i, height) {
    const group = svg("g", { class: "stage", "data-layer": stage.path || null, style: `--delay: ${i * 90}ms` });
    const part = { group, back: null, circles: [], points: [], bars: [], texts: [] };
    const middle = (height + 8) / 2;
    if (stage.picture) {
      const [left, top] = [one.x, middle - one.side / 2];
      part.image = svg("image", { x: left, y: top, width: one.side, height: one.side, class: "pixels" });
      const frame = svg("rect", { x: left, y: top, width: one.side, height: one.side, class: "frame" });
      part.back = svg("g", {}, part.image, frame); // below the edges, which begin at their pixels
      const [rows, columns] = stage.shape.length === 2 ? stage.shape : [Math.sqrt(stage.size), Math.sqrt(stage.size)];
      part.point = (j) => [left + ((j % columns) + 0.5) * (one.side / columns), top + (Math.floor(j / columns) + 0.5) * (one.side / rows)];
      part.out = (j) => part.point(j);
      part.grid = [rows, columns];
    } else {
      const first = !one.last && one.named;
      const left = one.x + (first && !one.inside ? room.inputs : 0) + one.step / 2;
      const top = middle - ((one.rows - 1) * one.pitch) / 2;
      const radius = Math.max(2.2, Math.min(11, 0.42 * Math.min(one.pitch, one.step)));
      stage.values.forEach((_, j) => {
        const [x, y] = [left + Math.floor(j / one.rows) * one.step, top + (j % one.rows) * one.pitch];
        const circle = svg("circle", { cx: x, cy: y, r: radius, "data-stage": i, "data-place": j, class: "neuron" });
        part.points.push([x, y]);
        part.circles.push(circle);
        group.append(circle);
        if (one.named) group.append(...labelled(part, one, x, y, radius, first));
      });
      part.point = (j) => part.points[j];
      part.out = part.point;
    }
    const kinds = stage.layers.map((layer) => layer.text.split(" ")[0].replace(/[12]d$/, ""));
    const label = i === 0 ? "input" : [stage.path, kinds[0]].filter(Boolean).join(" ");
    const more = stage.neurons ? `${stage.values.length} of ${number(stage.size)}` : number(stage.size);
    const side = i === 0 || one.last;
    const x = side ? one.x : one.x + one.width / 2;
    [[label, "stage-name"], ...kinds.slice(1).map((kind) => [`+ ${kind}`, "stage-name"]), [more, "stage-size"]].forEach(([words, kind], line) => {
      group.append(svg("text", { x, y: height + 20 + 15 * line, class: kind, "text-anchor": side ? "start" : "middle" }, words));
    });
    return part;
  }

  function labelled(part, one, x, y, radius, first) {
    if (one.inside) {
      part.texts.push(svg("text", { x, y: y + 4.5, class: "unit-name", "text-anchor": "middle" }));
      return part.texts.slice(-1);
    }
    const text = svg("text", { x: first ? x - radius - 6 : x + radius + 6, y: y + 4, class: "unit-name", "text-anchor": first ? "end" : "start" });
    part.texts.push(text);
    if (first) return [text];
    const long = room === NARROW ? 24 : 40;
    const bar = svg("rect", { x: x + radius + long, y: y - 4, height: 8, rx: 2, width: 0, class: "bar" });
    const share = svg("text", { x, y: y + 4, class: "share" });
    part.bars.push([bar, share]);
    return [text, bar, share];
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
    part.texts.forEach((text, j) => {
      const label = stage.labels[j];
      const longest = part.bars.length ? (room === NARROW ? 3 : 5) : 10;
      text.textContent = label.length > longest + 1 ? `${label.slice(0, longest)}…` : label;
      if (part.bars.length === 0) return;
      const [bar, share] = part.bars[j];
      const p = probabilities?.[j] ?? 0;
      const long = (p / likeliest) * room.bar;
      bar.setAttribute("width", long.toFixed(1));
      share.setAttribute("x", Number(bar.getAttribute("x")) + long + 4);
      share.textContent = p < 0.005 ? "" : room === NARROW ? `${Math.round(100 * p)}%` : percent(p);
      bar.setAttribute("class", j === given.data.prediction?.classes?.[0]?.neuron ? "bar best" : "bar");
    });
  }

  function fillEdges(data) {
    const lines = [];
    data.stages.forEach((stage, i) => {
      if (i === 0) return;
      const largest = Math.max(...stage.edges.map((edge) => Math.abs(edge[2])), 1e-30);
      for (const [from, to, weight] of stage.edges.toReversed()) {
        const [[x, y], [u, v]] = [parts[i - 1].out(from), parts[i].point(to)];
        const share = Math.abs(weight) / largest;
        const middle = (x + u) / 2;
        lines.push(svg("path", {
          d: `M${x.toFixed(1)} ${y.toFixed(1)}C${middle.toFixed(1)} ${y.toFixed(1)} ${middle.toFixed(1)} ${v.toFixed(1)} ${u.toFixed(1)} ${v.toFixed(1)}`,
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
    const moves = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };
    if (!(event.key in moves) || !given) return;
    event.preventDefault();
    const stages = given.data.stages;
    const [sideways, down] = moves[event.key];
    const stage = Math.max(stages[0].picture ? 1 : 0, Math.min(stages.length - 1, (chosen?.stage ?? 1) + sideways));
    const count = parts[stage].circles.length;
    const before = chosen ? placeOf(chosen) : 0;
    const place = Math.max(0, Math.min(count - 1, before + down));
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
    said.textContent = `Layer ${chosen.stage}, neuron ${chosen.neuron}: ${number(value)}`;
  }

  return { element, draw, choose };
}
