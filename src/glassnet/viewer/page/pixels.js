// Pictures and weights that come as bytes, see viewer/numbers.py, as canvases in the colours of the page.

import { el } from "glassnet/dom.js";

/** The numbers of {scale, signed, bytes}. */
export function unpack({ scale, signed, bytes }) {
  const raw = Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0));
  return Float32Array.from(signed ? new Int8Array(raw.buffer) : raw, (level) => (level / (signed ? 127 : 255)) * scale);
}

/** A CSS variable that holds a colour such as #0072b2, as three numbers. */
function rgb(name) {
  const hex = getComputedStyle(document.documentElement).getPropertyValue(name).trim().slice(1);
  return [0, 2, 4].map((i) => parseInt(hex.slice(i, i + 2), 16));
}

/** Paint numbers into a canvas: ink on the page for a picture, blue below 0 and orange above for signed numbers. */
export function paint(canvas, packed, [rows, columns]) {
  const values = unpack(packed);
  [canvas.width, canvas.height] = [columns, rows];
  const context = canvas.getContext("2d");
  const image = context.createImageData(columns, rows);
  const [paper, ink, below, above] = ["--field", "--ink", "--c0", "--c1"].map(rgb);
  values.forEach((value, i) => {
    const share = packed.scale ? Math.abs(value) / packed.scale : 0;
    const full = packed.signed ? (value < 0 ? below : above) : ink;
    for (let c = 0; c < 3; c += 1) image.data[4 * i + c] = paper[c] + (full[c] - paper[c]) * share;
    image.data[4 * i + 3] = 255;
  });
  context.putImageData(image, 0, 0);
}

/** A canvas that keeps the colours of the theme. */
export function picture(packed, shape, label, className = "pixels") {
  const canvas = el("canvas", { class: className, role: "img", "aria-label": label });
  const draw = () => paint(canvas, packed, shape);
  draw();
  const again = () => (canvas.isConnected ? draw() : document.removeEventListener("glassnet-theme", again));
  document.addEventListener("glassnet-theme", again);
  return canvas;
}
