// What the strips of all lanes share: the stretch of time that they show (its frame), the axis under them, and the second looked at.

const SCALES = [["10 s", 10], ["1 min", 60], ["5 min", 300], ["30 min", 1800], ["2 h", 7200], ["all", 0]];
const UNITS_S = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400];
const MIN_STEP_PX = 3, MIN_TICK_PX = 66, SHORTEST_S = 30, LIVE_S = 60, TIP_S = 5;
const time = {
  scale: null,   // seconds shown, 0 = all; null until somebody chose: all of a clip, the last minute of what never ends
  until: null,   // end of the stretch shown when it was moved; null = it follows the newest second
  cursor: null,  // {lane, second} looked at by keyboard or click
  frame: null,
};

// {first, span, unit, step, newest, width}: seconds, but `step` is pixels per second; a cell drawn covers `unit` seconds.
function frameOf(width) {
  const newest = page.view.decided ? page.view.second : -1, duration = page.shown === "player" ? playing().duration : null;
  const all = Math.max(SHORTEST_S, Math.ceil(duration || 0), newest + 1), span = (time.scale ?? (duration ? 0 : LIVE_S)) || all;
  const unit = UNITS_S.find((seconds) => seconds * width / span >= MIN_STEP_PX) || UNITS_S.at(-1);
  const end = Math.max(span, time.until ?? newest + 1);
  return { first: Math.ceil((end - span) / unit) * unit, span, unit, step: width / span, newest, width };
}

function strips() {
  if (!page.view || !drawn.lanes.size) { time.frame = null; return; }
  const [lane] = drawn.lanes.values(), width = lane.item.strip.clientWidth;
  if (!width) return;
  const frame = time.frame = frameOf(width);
  for (const lane of drawn.lanes.values()) {
    const key = `${Object.values(frame)}/${lane.version}`;
    if (lane.drawn !== key) { lane.drawn = key; lane.bins = binned(lane.cells.values(), frame); drawStrip(lane, frame); }
    const chosen = lane.view.lane === drawn.chosen;
    if (chosen && lane.traced !== key) { lane.traced = key; drawTrace(lane, frame); }
    drawMarks(lane, frame);
  }
  drawAxis(frame);
}

// Cells of `unit` seconds inside the frame: the strongest state of each, and the probabilities of the second that gave it.
function binned(cells, { first, span, unit }) {
  const bins = new Map();
  for (const cell of cells) {
    const last = cell[0] + cell[2] - 1;
    if (last < first || cell[0] >= first + span) continue;
    for (let bin = Math.floor(Math.max(cell[0], first) / unit); bin <= Math.floor(last / unit); bin++) {
      const there = bins.get(bin);
      if (!there || STATES.indexOf(cell[1]) >= STATES.indexOf(there[1])) bins.set(bin, cell);
    }
  }
  return [...bins].sort(([a], [b]) => a - b);
}

// ---- the axis: a tick at round times, as wide as the strips

function drawAxis(frame) {
  const axis = $("axis"), key = `${Object.values(frame).slice(0, 4)}`, strip = [...drawn.lanes.values()][0].item.strip;
  axis.style.marginLeft = `${strip.offsetLeft}px`;
  axis.style.width = `${frame.width}px`;
  $("to-now").hidden = time.until === null;
  if (drawn.axis === key) return;
  drawn.axis = key;
  const every = UNITS_S.find((seconds) => seconds * frame.step >= MIN_TICK_PX) || UNITS_S.at(-1), ticks = [];
  for (let second = Math.ceil(frame.first / every) * every; second < frame.first + frame.span; second += every) {
    const tick = make("span", "", clock(second)), x = (second - frame.first) * frame.step;
    if (x > frame.width - 24) break;
    tick.style.left = `${x.toFixed(1)}px`;
    ticks.push(tick);
  }
  axis.replaceChildren(...ticks);
}

function fillScales() {
  for (const [text, seconds] of SCALES) $("scale").append(new Option(text, seconds));
  $("scale").addEventListener("change", () => { time.scale = Number($("scale").value); time.until = null; strips(); });
  $("to-now").addEventListener("click", () => { time.until = null; strips(); });
}

function drawScale() {
  const scale = time.scale ?? (page.shown === "player" && playing().duration ? 0 : LIVE_S);
  if ($("scale").value !== String(scale)) $("scale").value = scale;
}

// ---- where one looks

// Moves the stretch shown by `seconds`; at the newest second it follows again.
function pan(seconds) {
  const { newest, span } = time.frame, until = Math.max(span, (time.until ?? newest + 1) + seconds);
  time.until = until >= newest + 1 ? null : until;
}

function reveal(second) {
  const { first, span } = time.frame;
  if (second < first) pan(second - first);
  if (second >= first + span) pan(second - first - span + 1);
}

// A cell or a line was clicked: the player shows that second where there is a player, and the strip marks it.
function goTo(second, number) {
  jump(second);
  const lane = drawn.lanes.get(number) || drawn.lanes.get(drawn.chosen);
  if (!lane || !time.frame) return;
  reveal(second);
  time.cursor = { lane: lane.view.lane, second };
  strips();
  showTip(lane, second);
  clearTimeout(time.hiding);
  time.hiding = setTimeout(() => { if (document.activeElement !== lane.item.strip) lookAway(); }, 1000 * TIP_S);
}

function lookAway() { time.cursor = null; $("tip").hidden = true; strips(); }

const binAt = (lane, second) => lane.bins?.find(([bin]) => bin === Math.floor(second / time.frame.unit));

function wordsAt(lane, second) {
  const found = binAt(lane, second);
  if (!found) return [`${clock(second)} · not decided`, ""];
  const [start, state, seconds, ...p] = found[1], { unit } = time.frame, from = Math.max(0, seconds > unit ? start : found[0] * unit), long = Math.max(seconds, unit);
  return [`${clock(from)}${long > 1 ? `–${clock(from + long)}` : ""} · ${WORDS[state]}`, p.map((share, i) => `${WORDS[STATES[i]]} ${percent(share)}`).join(" · ")];
}

function showTip(lane, second) {
  const tip = $("tip"), box = lane.item.strip.getBoundingClientRect(), { first, step, width } = time.frame;
  const [head, shares] = wordsAt(lane, second);
  write(tip.firstElementChild, head);
  write(tip.lastElementChild, shares);
  tip.hidden = false;
  const x = box.left + Math.min(width, Math.max(0, (second + 0.5 - first) * step)), half = tip.offsetWidth / 2;
  tip.style.left = `${Math.min(innerWidth - half - 6, Math.max(half + 6, x))}px`;
  tip.style.top = `${box.top - tip.offsetHeight - 6}px`;
}
