// Where the numbers come from: from the server while the page is live, or out of the report that the page is.

const embedded = document.getElementById("report-data");
const report = embedded === null ? null : JSON.parse(embedded.textContent);

/** Whether there is a server: a report cannot be asked anew, and nothing in it can be stopped. */
export const live = report === null;

/** Call onRuns with the list of runs now and whenever something has changed; onLost with a sentence, or null again. */
export function listen(onRuns, onLost) {
  if (!live) {
    onRuns(report.runs);
    return;
  }
  let source = null;
  const follow = () => {
    if (document.hidden) source?.close(); // nobody looks: the training is not asked
    if (document.hidden || (source !== null && source.readyState !== EventSource.CLOSED)) return;
    source = new EventSource("/api/events");
    source.onmessage = (event) => {
      const found = JSON.parse(event.data);
      if (found.error) onLost(found.error);
      else {
        onLost(null);
        onRuns(found.runs);
      }
    };
    source.onerror = () => onLost("No answer: the program that serves this page has ended, or is busy.");
  };
  document.addEventListener("visibilitychange", follow);
  window.addEventListener("pagehide", () => source?.close());
  follow();
}

/** What stands in a panel of a run. Throws an Error with a sentence. */
export async function ask(run, panel, query = {}) {
  const entries = Object.entries(query).sort(([a], [b]) => (a < b ? -1 : 1));
  if (!live) {
    const found = report.answers[`${run}/${panel}?${JSON.stringify(entries)}`];
    if (found === undefined) throw new Error("This report does not hold that; the live page does.");
    return checked(found);
  }
  const words = new URLSearchParams(entries).toString();
  return checked(await answer(`/api/runs/${run}/${panel}${words && "?"}${words}`));
}

/** Ask the training for something, such as to stop. Throws an Error with a sentence. */
export async function act(run, action) {
  return checked(await answer(`/api/runs/${run}/ask/${action}`, { method: "POST", headers: { "X-Glassnet": "write" } }));
}

async function answer(address, options = {}) {
  try {
    return await (await fetch(address, { credentials: "same-origin", ...options })).json();
  } catch {
    throw new Error("No answer: the program that serves this page has ended, or is busy.");
  }
}

function checked(found) {
  if (found.error) throw new Error(found.error);
  return found;
}

let loading = null;

/** Plotly, loaded when the first chart is drawn: the page shows its numbers before that. */
export function plotly() {
  loading ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.onload = () => resolve(window.Plotly);
    script.onerror = () => reject(new Error("The charts cannot be loaded."));
    plotlyAddress().then((address) => {
      script.src = address;
      document.head.append(script);
    }, reject);
  });
  return loading;
}

async function plotlyAddress() {
  if (live) return "/page/plotly.min.js";
  const packed = Uint8Array.from(atob(document.getElementById("report-plotly").textContent), (c) => c.charCodeAt(0));
  const plain = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return URL.createObjectURL(new Blob([await new Response(plain).blob()], { type: "text/javascript" }));
}
