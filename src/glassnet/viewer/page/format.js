// Numbers and times as people read them.

const WHOLE = new Intl.NumberFormat("en"); // made once: toLocaleString makes one each time

/** Four digits at most: 0.0312, 1.234, 12,345, 1.2e-7; a dash where there is none. */
export function number(value) {
  if (typeof value !== "number" || !Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e7)) return value.toExponential(2).replace("e+", "e");
  if (Number.isInteger(value) || size >= 1000) return WHOLE.format(Math.round(value));
  return String(Number(value.toPrecision(4)));
}

/** 93.9 % for 0.939. */
export function percent(value) {
  return typeof value === "number" && Number.isFinite(value) ? `${(100 * value).toFixed(1)} %` : "–";
}

/** A value of the history by its name: accuracies are shares. */
export function named(name, value) {
  return name.endsWith("accuracy") ? percent(value) : number(value);
}

/** 40 ms, 0.7 s, 0:42, 12:07 or 3:05:00. */
export function duration(seconds) {
  if (typeof seconds !== "number" || !Number.isFinite(seconds)) return "–";
  if (seconds > 0 && seconds < 0.1) return `${Math.max(1, Math.round(1000 * seconds))} ms`;
  if (seconds > 0 && seconds < 10) return `${seconds.toFixed(1)} s`;
  const whole = Math.max(0, Math.round(seconds));
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (n) => String(n).padStart(2, "0");
  return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}
