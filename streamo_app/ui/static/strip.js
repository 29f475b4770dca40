// Drawing one lane over time: its strip, a cell per second with the state told by height, colour and, for a response, a
// diamond over it; and its trace, the probabilities as three lines over the same stretch of time.

import { clock, make, percent, setAttribute, setText, STATES, STATE_WORDS, svg } from "./dom.js";
import { describeSecond, time } from "./frame.js";
import { playing } from "./player.js";
import { page } from "./state.js";

const STRIP_PX = 30, HEIGHTS_PX = { silence: 3, standby: 11, response: 19 }, DIAMOND_PX = 3;
const TRACE_PX = 44, TRACE_INSET_PX = 3;

export function makeStrip(number) {
  const box = make("div", "strip"), drawing = svg("svg", { "aria-hidden": "true" });
  for (const name of ["rest", ...STATES, "mark", "cursor", "head"]) drawing.append(svg("path", { class: name }));
  box.append(drawing);
  box.setAttribute("role", "slider");
  box.tabIndex = 0;
  box.setAttribute("aria-label", `Lane ${number}, second by second`);
  return box;
}

export function drawStrip(lane, { first, span, unit, step, newest, width }) {
  const box = lane.item.strip, counts = { silence: 0, standby: 0, response: 0 };
  const paths = { silence: "", standby: "", response: "", mark: "", rest: "" };
  const gap = unit * step > 5 ? 1.5 : unit * step > 3.5 ? 0.8 : 0.4;
  for (const [bin, count, [, state]] of blocks(lane.bins)) {
    const x = (bin * unit - first) * step, blockWidth = Math.max(1, count * unit * step - gap);
    paths[state] += `M${x.toFixed(1)} ${STRIP_PX}v${-HEIGHTS_PX[state]}h${blockWidth.toFixed(1)}v${HEIGHTS_PX[state]}z`;
    if (state === "response") paths.mark += diamond(x + blockWidth / 2);
    counts[state] += 1;
  }
  const undecided = Math.max(0, Math.min(width, (newest + 1 - first) * step));
  if (undecided < width) paths.rest = `M${undecided.toFixed(1)} ${STRIP_PX}v-1h${(width - undecided).toFixed(1)}v1z`;
  for (const name in paths) setAttribute(box.querySelector(`.${name}`), "d", paths[name]);
  setAttribute(box, "aria-valuemin", 0);
  setAttribute(box, "aria-valuemax", Math.max(0, newest));
  lane.summary = `From ${clock(first)} to ${clock(Math.min(newest + 1, first + span))}: ${counts.silence} silent, ` +
    `${counts.standby} standing by, ${counts.response} responses`;
}

function diamond(x) {
  const top = STRIP_PX - HEIGHTS_PX.response - 2 - 2 * DIAMOND_PX, r = DIAMOND_PX;
  return `M${x.toFixed(1)} ${top}l${r} ${r}l${-r} ${r}l${-r} ${-r}z`;
}

// [first bin, number of bins, cell]: a cell that reaches over several bins is one block, its response has one mark.
function blocks(bins) {
  const found = [];
  for (const [bin, cell] of bins) {
    const last = found.at(-1);
    if (last?.[2] === cell && last[0] + last[1] === bin) last[1] += 1;
    else found.push([bin, 1, cell]);
  }
  return found;
}

// Where the player stands, and the cell looked at.
export function drawMarks(lane, { first, unit, step, newest, width }) {
  const box = lane.item.strip, onPlayer = page.shown === "player" && page.view.show === "player";
  const at = onPlayer ? (playing().t - first) * step : -1, isInside = at >= 0 && at <= width && newest >= 0;
  setAttribute(box.querySelector(".head"), "d", isInside ? `M${at.toFixed(0)} 0v${STRIP_PX}` : "");
  const looked = time.cursor?.lane === lane.view.lane ? time.cursor.second : null;
  let cursor = "";
  if (looked !== null) {
    const x = (Math.floor(looked / unit) * unit - first) * step, cellWidth = Math.max(3, unit * step);
    cursor = `M${x.toFixed(1)} 0h${cellWidth.toFixed(1)}v${STRIP_PX}h${(-cellWidth).toFixed(1)}z`;
  }
  setAttribute(box.querySelector(".cursor"), "d", cursor);
  setAttribute(box, "aria-valuenow", looked ?? Math.max(0, newest));
  const text = looked === null ? lane.summary : describeSecond(lane, looked).filter(Boolean).join(", ");
  setAttribute(box, "aria-valuetext", text);
}

// ---- the trace

export function makeTrace() {
  const node = make("div", "trace"), drawing = svg("svg", { role: "img" }), key = make("div", "trace-key");
  const lines = {}, values = {};
  for (const state of STATES) {
    lines[state] = svg("path", { class: state });
    drawing.append(lines[state]);
    const entry = make("span", state), sample = svg("svg", { viewBox: "0 0 18 6", "aria-hidden": "true" });
    sample.append(svg("path", { class: state, d: "M0 3h18" }));
    values[state] = make("b");
    entry.append(sample, make("span", "", STATE_WORDS[state]), values[state]);
    key.append(entry);
  }
  node.append(drawing, key);
  return { node, drawing, lines, values };
}

export function drawTrace(lane, { first, unit, step, newest }) {
  const { drawing, lines, values } = lane.item.trace, { p, lane: number } = lane.view, paths = ["", "", ""];
  let last = null;
  for (const [bin, [, , , ...shares]] of lane.bins) {
    const x = ((bin + 0.5) * unit - first) * step, continues = last === bin - 1;
    shares.forEach((share, i) => {
      const y = TRACE_INSET_PX + (1 - share) * (TRACE_PX - 2 * TRACE_INSET_PX);
      paths[i] += `${continues ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}${continues ? "" : "h.1"}`;
    });
    last = bin;
  }
  STATES.forEach((state, i) => {
    setAttribute(lines[state], "d", paths[i]);
    setText(values[state], p ? percent(p[i]) : "–");
  });
  const shares = p && STATES.map((state, i) => `${STATE_WORDS[state]} ${percent(p[i])}`).join(", ");
  const label = p ? ` at ${clock(Math.max(0, newest))}: ${shares}` : ": none yet";
  setAttribute(drawing, "aria-label", `Probabilities of lane ${number}${label}`);
}
