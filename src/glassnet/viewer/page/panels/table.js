// The panels in their order. A panel is {name, title, build(page)}; build returns
//
//   {element, update, tick}   element is shown in the page; update() is called when the panel is opened, and again whenever
//                       a run that is shown has something new, or others are shown; it may be async and may throw an
//                       Error, whose sentence is shown as a card. At most about once a second, and less often the longer it
//                       takes, so await what is drawn.
//   tick                optional: called several times a second with nothing new but page.shown(); must be cheap
//
// page gives it:  shown()  the runs that are shown, [{id, name, color, summary}], the chosen one first
//                 chosen() the run that panels of one run show, or null
//                 ask(id, panel, query)  what panels/NAME.py says, see transport.js
//                 act(id, action)        "stop" or "resume"
//                 live                   whether there is a server
//                 point(path)            mark the layer with this path wherever it is shown; null marks none

import { run } from "glassnet/panels/run.js";
import { network } from "glassnet/panels/network.js";
import { backprop } from "glassnet/panels/backprop.js";
import { health } from "glassnet/panels/health.js";
import { landscape } from "glassnet/panels/landscape.js";
import { results } from "glassnet/panels/results.js";

export const PANELS = [run, network, backprop, health, landscape, results];
