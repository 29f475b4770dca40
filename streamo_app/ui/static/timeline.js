// The strips of all lanes together: redrawing them, the axis under them, moving the stretch shown, and the tooltip of
// the second looked at.

import { $, clock, make, setText } from "./dom.js";
import { binAt, binCells, binStart, describeSecond, frameOf, scaleShown, time, UNITS_S } from "./frame.js";
import { seek } from "./player.js";
import { drawn, page } from "./state.js";
import { drawMarks, drawStrip, drawTrace } from "./strip.js";

const SCALES = [["10 s", 10], ["1 min", 60], ["5 min", 300], ["30 min", 1800], ["2 h", 7200], ["all", 0]];
const MIN_TICK_PX = 66, TIP_MS = 5000;
let hiding = 0;  // timer that hides the tooltip

export function setUpTimeline() {
  for (const [text, seconds] of SCALES) $("scale").append(new Option(text, seconds));
  $("scale").addEventListener("change", () => {
    time.scale = Number($("scale").value);
    time.until = null;
    drawStrips();
  });
  $("to-now").addEventListener("click", () => { time.until = null; drawStrips(); });
  for (const event of ["seeked", "timeupdate"]) $("player").addEventListener(event, drawStrips);
  window.addEventListener("resize", drawStrips);
  $("lanes").addEventListener("scroll", () => { $("tip").hidden = true; });
}

export function drawScale() {
  const scale = scaleShown();
  if ($("scale").value !== String(scale)) $("scale").value = scale;
}

export function drawStrips() {
  const lanes = [...drawn.lanes.values()];
  if (!page.view || !lanes.length) {
    time.frame = null;
    return;
  }
  const width = lanes[0].item.strip.clientWidth;
  if (!width) return;
  const frame = time.frame = frameOf(width);
  for (const lane of lanes) {
    const key = `${Object.values(frame)}/${lane.version}`;
    if (lane.drawn !== key) {
      lane.drawn = key;
      lane.bins = binCells(lane.cells.values(), frame);
      drawStrip(lane, frame);
    }
    if (lane.view.lane === drawn.chosen && lane.traced !== key) {
      lane.traced = key;
      drawTrace(lane, frame);
    }
    drawMarks(lane, frame);
  }
  drawAxis(frame, lanes[0].item.strip);
}

// Ticks at round times; as wide as the strips.
function drawAxis(frame, strip) {
  const axis = $("axis"), { first, span, step, width } = frame, key = `${Object.values(frame).slice(0, 4)}`;
  axis.style.marginLeft = `${strip.offsetLeft}px`;
  axis.style.width = `${width}px`;
  $("to-now").hidden = time.until === null;
  if (drawn.axis === key) return;
  drawn.axis = key;
  const every = UNITS_S.find((seconds) => seconds * step >= MIN_TICK_PX) || UNITS_S.at(-1), ticks = [];
  for (let second = Math.ceil(first / every) * every; second < first + span; second += every) {
    const tick = make("span", "", clock(second)), x = (second - first) * step;
    if (x > width - 24) break;
    tick.style.left = `${x.toFixed(1)}px`;
    ticks.push(tick);
  }
  axis.replaceChildren(...ticks);
}

export function resetTimeline() {
  Object.assign(time, { until: null, cursor: null });
  $("tip").hidden = true;
}

// ---- moving the stretch shown

// By `seconds`; at the newest second it follows again.
function pan(seconds) {
  const { newest, span } = time.frame, until = Math.max(span, (time.until ?? newest + 1) + seconds);
  time.until = until >= newest + 1 ? null : until;
}

function reveal(second) {
  const { first, span } = time.frame;
  if (second < first) pan(second - first);
  if (second >= first + span) pan(second - first - span + 1);
}

// ---- the second looked at

// A cell or a row was clicked: the player, if there is one, shows that second, and the strip marks it.
export function goToSecond(second, number) {
  seek(second);
  const lane = drawn.lanes.get(number) || drawn.lanes.get(drawn.chosen);
  if (!lane || !time.frame) return;
  lookAt(lane, second);
  clearTimeout(hiding);
  hiding = setTimeout(() => { if (document.activeElement !== lane.item.strip) clearCursor(); }, TIP_MS);
}

function lookAt(lane, second) {
  reveal(second);
  time.cursor = { lane: lane.view.lane, second };
  drawStrips();
  showTip(lane, second);
}

function clearCursor() {
  time.cursor = null;
  $("tip").hidden = true;
  drawStrips();
}

function showTip(lane, second) {
  const tip = $("tip"), box = lane.item.strip.getBoundingClientRect(), { first, step, width } = time.frame;
  const [head, shares] = describeSecond(lane, second);
  setText(tip.firstElementChild, head);
  setText(tip.lastElementChild, shares);
  tip.hidden = false;
  const x = box.left + Math.min(width, Math.max(0, (second + 0.5 - first) * step)), half = tip.offsetWidth / 2;
  tip.style.left = `${Math.min(innerWidth - half - 6, Math.max(half + 6, x))}px`;
  tip.style.top = `${box.top - tip.offsetHeight - 6}px`;
}

// ---- pointer and keys on `box`: the strip of a lane, or the trace under it

export function listenForLooks(box, laneOf) {
  // The second under the pointer, where there is a cell; else null.
  const cellAt = ({ clientX }) => {
    if (!time.frame) return null;
    const { first, step } = time.frame, lane = laneOf();
    const second = Math.floor(first + (clientX - lane.item.strip.getBoundingClientRect().left) / step);
    return binAt(lane, second) ? second : null;
  };
  box.addEventListener("pointermove", (event) => {
    const second = cellAt(event);
    if (second === null) $("tip").hidden = true;
    else showTip(laneOf(), second);
  });
  box.addEventListener("pointerleave", () => { if (!time.cursor) $("tip").hidden = true; });
  box.addEventListener("click", (event) => {
    const second = cellAt(event);
    if (second !== null) goToCell(laneOf(), second);
  });
  box.addEventListener("wheel", (event) => {
    const sideways = event.shiftKey ? event.deltaY : event.deltaX;
    if (!time.frame || !sideways || (Math.abs(event.deltaX) < Math.abs(event.deltaY) && !event.shiftKey)) return;
    event.preventDefault();
    pan(sideways / time.frame.step);
    drawStrips();
  }, { passive: false });
  box.addEventListener("keydown", (event) => {
    if (time.frame && onKey(laneOf(), event.key)) event.preventDefault();
  });
  box.addEventListener("blur", clearCursor);
}

function goToCell(lane, second) { goToSecond(binStart(lane, second), lane.view.lane); }

// Arrow keys move along the strip a cell at a time. True when the key means something here.
function onKey(lane, key) {
  const { unit, newest } = time.frame, now = time.cursor?.lane === lane.view.lane ? time.cursor.second : null;
  const target = {
    ArrowLeft: (now ?? newest + unit) - unit,
    ArrowRight: (now ?? newest - unit) + unit,
    PageUp: (now ?? newest) - 10 * unit,
    PageDown: (now ?? newest) + 10 * unit,
    Home: 0,
    End: newest,
  }[key];
  if (key === "Escape") clearCursor();
  else if ((key === "Enter" || key === " ") && now !== null) goToCell(lane, now);
  else if (target !== undefined && newest >= 0) lookAt(lane, Math.max(0, Math.min(newest, target)));
  else return false;
  return true;
}
