// The frame: the stretch of time that the strips of all lanes show, and what is in it.

import { clock, percent, STATES, STATE_WORDS } from "./dom.js";
import { playing } from "./player.js";
import { page } from "./state.js";

export const UNITS_S = [
  1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400,
];
const MIN_STEP_PX = 3, SHORTEST_S = 30, LIVE_S = 60;

export const time = {
  scale: null,   // seconds shown, 0 = all; null until one is chosen: all of a clip, the last minute of a live source
  until: null,   // end of the stretch shown after it was moved; null = it follows the newest second
  cursor: null,  // {lane, second} looked at by keyboard or click
  frame: null,   // see `frameOf`; null when no strip is shown
};

const fileDuration = () => (page.shown === "player" ? playing().duration : null);

export const scaleShown = () => time.scale ?? (fileDuration() ? 0 : LIVE_S);

// {first, span, unit, step, newest, width}: seconds, but `width` is in pixels and `step` in pixels per second; a cell
// drawn covers `unit` seconds.
export function frameOf(width) {
  const newest = page.view.decided ? page.view.second : -1;
  const all = Math.max(SHORTEST_S, Math.ceil(fileDuration() || 0), newest + 1);
  const span = scaleShown() || all;
  const unit = UNITS_S.find((seconds) => seconds * width / span >= MIN_STEP_PX) || UNITS_S.at(-1);
  const end = Math.max(span, time.until ?? newest + 1);
  return { first: Math.ceil((end - span) / unit) * unit, span, unit, step: width / span, newest, width };
}

// [[bin, cell], ...] of `unit` seconds inside the frame: of each bin the cell with the strongest state.
export function binCells(cells, { first, span, unit }) {
  const bins = new Map();
  for (const cell of cells) {
    const last = cell[0] + cell[2] - 1;
    if (last < first || cell[0] >= first + span) continue;
    for (let bin = Math.floor(Math.max(cell[0], first) / unit); bin <= Math.floor(last / unit); bin++) {
      const known = bins.get(bin);
      if (!known || STATES.indexOf(cell[1]) >= STATES.indexOf(known[1])) bins.set(bin, cell);
    }
  }
  return [...bins].sort(([a], [b]) => a - b);
}

export const binAt = (lane, second) => lane.bins?.find(([bin]) => bin === Math.floor(second / time.frame.unit));

// First second of what is drawn at `second`.
export function binStart(lane, second) {
  const { unit } = time.frame, found = binAt(lane, second);
  return unit > 1 && found ? Math.max(found[1][0], Math.floor(second / unit) * unit) : second;
}

// What the tooltip says of `second`: [time and state, probabilities].
export function describeSecond(lane, second) {
  const found = binAt(lane, second);
  if (!found) return [`${clock(second)} · not decided`, ""];
  const [start, state, seconds, ...shares] = found[1], { unit } = time.frame;
  const from = Math.max(0, seconds > unit ? start : found[0] * unit), length = Math.max(seconds, unit);
  const when = length > 1 ? `${clock(from)}–${clock(from + length)}` : clock(from);
  const probabilities = shares.map((share, i) => `${STATE_WORDS[STATES[i]]} ${percent(share)}`);
  return [`${when} · ${STATE_WORDS[state]}`, probabilities.join(" · ")];
}
