// A pad to draw a digit on, with the mouse, a finger or a pen.

import { el } from "glassnet/dom.js";

const SIDE = 280; // pixels of the canvas
const PEN = 22;

/** build(size, onDrawn): {element, clear, pixels}. onDrawn(text) gets size * size hexadecimal digits, 0 for paper and f for
 * ink, shortly after each stroke and while it is drawn; "" after clearing.
 */
export function pad(size, onDrawn) {
  const canvas = el("canvas", { class: "pad", width: SIDE, height: SIDE, role: "img", "aria-label": "A pad to draw a digit on, with the mouse or a finger" });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const small = el("canvas", { width: size, height: size });
  let last = null;
  let waiting = 0;

  const place = (event) => {
    const box = canvas.getBoundingClientRect();
    return [((event.clientX - box.left) / box.width) * SIDE, ((event.clientY - box.top) / box.height) * SIDE];
  };

  function stroke(from, to) {
    context.strokeStyle = getComputedStyle(document.documentElement).getPropertyValue("--ink");
    context.lineWidth = PEN;
    context.lineCap = "round";
    context.lineJoin = "round";
    context.beginPath();
    context.moveTo(...from);
    context.lineTo(to[0] + 0.01, to[1]); // a dot where nothing moved
    context.stroke();
  }

  function soon() {
    if (waiting) return;
    waiting = setTimeout(() => {
      waiting = 0;
      onDrawn(pixels());
    }, 120);
  }

  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    canvas.setPointerCapture(event.pointerId);
    last = place(event);
    stroke(last, last);
    event.preventDefault();
    soon();
  });
  canvas.addEventListener("pointermove", (event) => {
    if (last === null) return;
    for (const one of event.getCoalescedEvents?.() ?? [event]) {
      const next = place(one);
      stroke(last, next);
      last = next;
    }
    soon();
  });
  for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => (last = null));

  /** How much ink there is in each of size * size places. */
  function pixels() {
    const reduced = small.getContext("2d", { willReadFrequently: true });
    reduced.clearRect(0, 0, size, size);
    reduced.imageSmoothingQuality = "high";
    reduced.drawImage(canvas, 0, 0, size, size);
    const { data } = reduced.getImageData(0, 0, size, size);
    let found = "";
    for (let i = 3; i < data.length; i += 4) found += Math.round(data[i] / 17).toString(16);
    return /[1-9a-f]/.test(found) ? found : "";
  }

  function clear() {
    context.clearRect(0, 0, SIDE, SIDE);
    onDrawn("");
  }

  document.addEventListener("glassnet-theme", () => {
    context.globalCompositeOperation = "source-in"; // the same strokes in the ink of the theme
    context.fillStyle = getComputedStyle(document.documentElement).getPropertyValue("--ink");
    context.fillRect(0, 0, SIDE, SIDE);
    context.globalCompositeOperation = "source-over";
  });
  return { element: canvas, clear, pixels };
}
