// The strip of one lane: a cell per second, its state told by height, colour and, for a response, a diamond over it.

const STRIP_PX = 30, HEIGHTS = { silence: 3, standby: 11, response: 19 }, DIAMOND_PX = 3;

function strip(number) {
  const box = make("div", "strip"), picture = svg("svg", { "aria-hidden": "true" });
  for (const name of ["rest", ...STATES, "mark", "cursor", "head"]) picture.append(svg("path", { class: name }));
  box.append(picture);
  box.setAttribute("role", "slider");
  box.tabIndex = 0;
  box.setAttribute("aria-label", `Lane ${number}, second by second`);
  listen(box, () => drawn.lanes.get(number));
  return box;
}

function drawStrip(lane, frame) {
  const { first, span, unit, step, newest, width } = frame, box = lane.item.strip, counts = { silence: 0, standby: 0, response: 0 };
  const paths = { silence: "", standby: "", response: "", mark: "", rest: "" }, gap = unit * step > 5 ? 1.5 : unit * step > 3.5 ? 0.8 : 0.4;
  for (const [bin, count, [, state]] of blocks(lane.bins)) {
    const x = (bin * unit - first) * step, w = Math.max(1, count * unit * step - gap);
    paths[state] += `M${x.toFixed(1)} ${STRIP_PX}v${-HEIGHTS[state]}h${w.toFixed(1)}v${HEIGHTS[state]}z`;
    if (state === "response") paths.mark += `M${(x + w / 2).toFixed(1)} ${STRIP_PX - HEIGHTS.response - 2 - 2 * DIAMOND_PX}l${DIAMOND_PX} ${DIAMOND_PX}l${-DIAMOND_PX} ${DIAMOND_PX}l${-DIAMOND_PX} ${-DIAMOND_PX}z`;
    counts[state] += 1;
  }
  const begin = Math.max(0, Math.min(width, (newest + 1 - first) * step));
  if (begin < width) paths.rest = `M${begin.toFixed(1)} ${STRIP_PX}v-1h${(width - begin).toFixed(1)}v1z`;
  for (const name in paths) mark(box.querySelector(`.${name}`), "d", paths[name]);
  mark(box, "aria-valuemin", 0);
  mark(box, "aria-valuemax", Math.max(0, newest));
  lane.summary = `From ${clock(first)} to ${clock(Math.min(newest + 1, first + span))}: ${counts.silence} silent, ${counts.standby} standing by, ${counts.response} responses`;
}

// [first bin, bins, cell]: a far cell that reaches over several bins is one block, its response has one mark.
function blocks(bins) {
  const found = [];
  for (const [bin, cell] of bins) {
    const last = found.at(-1);
    if (last?.[2] === cell && last[0] + last[1] === bin) last[1] += 1; else found.push([bin, 1, cell]);
  }
  return found;
}

// Where the player stands, and the cell looked at.
function drawMarks(lane, { first, unit, step, newest, width }) {
  const box = lane.item.strip, at = page.shown === "player" && page.view.show === "player" ? (playing().t - first) * step : -1;
  mark(box.querySelector(".head"), "d", at >= 0 && at <= width && newest >= 0 ? `M${at.toFixed(0)} 0v${STRIP_PX}` : "");
  const looked = time.cursor?.lane === lane.view.lane ? time.cursor.second : null, x = looked === null ? 0 : (Math.floor(looked / unit) * unit - first) * step;
  mark(box.querySelector(".cursor"), "d", looked === null ? "" : `M${x.toFixed(1)} 0h${Math.max(3, unit * step).toFixed(1)}v${STRIP_PX}h${(-Math.max(3, unit * step)).toFixed(1)}z`);
  mark(box, "aria-valuenow", looked ?? Math.max(0, newest));
  mark(box, "aria-valuetext", looked === null ? lane.summary : wordsAt(lane, looked).filter(Boolean).join(", "));
}

// Pointer and keys on a strip, or on the trace under it.
function listen(box, laneOf) {
  const secondAt = (event) => Math.floor(time.frame.first + (event.clientX - laneOf().item.strip.getBoundingClientRect().left) / time.frame.step);
  box.addEventListener("pointermove", (event) => { if (time.frame && binAt(laneOf(), secondAt(event))) showTip(laneOf(), secondAt(event)); else $("tip").hidden = true; });
  box.addEventListener("pointerleave", () => { if (!time.cursor) $("tip").hidden = true; });
  box.addEventListener("click", (event) => { if (time.frame && binAt(laneOf(), secondAt(event))) look(laneOf(), secondAt(event)); });
  box.addEventListener("wheel", (event) => {
    const sideways = event.shiftKey ? event.deltaY : event.deltaX;
    if (!time.frame || !sideways || Math.abs(event.deltaX) < Math.abs(event.deltaY) && !event.shiftKey) return;
    event.preventDefault();
    pan(sideways / time.frame.step);
    strips();
  }, { passive: false });
  box.addEventListener("keydown", (event) => { if (time.frame && moved(laneOf(), event.key)) event.preventDefault(); });
  box.addEventListener("blur", lookAway);
}

function look(lane, second) { goTo(binStart(lane, second), lane.view.lane); }
function binStart(lane, second) { const { unit } = time.frame, found = binAt(lane, second); return unit > 1 && found ? Math.max(found[1][0], Math.floor(second / unit) * unit) : second; }

// Arrow keys move along the strip a cell at a time. True when the key meant something here.
function moved(lane, key) {
  const { unit, newest } = time.frame, now = time.cursor?.lane === lane.view.lane ? time.cursor.second : null;
  const to = { ArrowLeft: (now ?? newest + unit) - unit, ArrowRight: (now ?? newest - unit) + unit, PageUp: (now ?? newest) - 10 * unit, PageDown: (now ?? newest) + 10 * unit, Home: 0, End: newest }[key];
  if (key === "Escape") lookAway();
  else if ((key === "Enter" || key === " ") && now !== null) look(lane, now);
  else if (to !== undefined && newest >= 0) {
    time.cursor = { lane: lane.view.lane, second: Math.max(0, Math.min(newest, to)) };
    reveal(time.cursor.second);
    strips();
    showTip(lane, time.cursor.second);
  } else return false;
  return true;
}
