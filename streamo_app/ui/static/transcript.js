// What was asked and said, a row each, the newest MAX_ROWS of them; and which lanes it shows. A muted lane has no rows.

import { $, button, clock, hue, make, setAttribute, setLabel, setText } from "./dom.js";
import { drawn } from "./state.js";
import { goToSecond } from "./timeline.js";

const MAX_ROWS = 500;

// The newest row stays in view unless the reader scrolled up, whatever height a lane that opens or closes takes away.
const scroll = { top: 0, away: false };
const pxToEnd = () => $("rows").scrollHeight - $("rows").scrollTop - $("rows").clientHeight;

export function setUpTranscript() {
  $("rows").addEventListener("scroll", () => {
    const { scrollTop } = $("rows");
    if (pxToEnd() < 60) scroll.away = false;
    else if (scrollTop < scroll.top - 4) scroll.away = true;
    scroll.top = scrollTop;
  });
}

export function drawRows(rows) {
  for (const row of rows) {
    let item = drawn.rows.get(row.key);
    if (!item) {
      item = makeRow(row);
      insertRow(row.key, item);
    }
    item.classList.toggle("partial", row.partial);
    setAttribute(item, "aria-busy", row.partial);
    setText(item.words, row.text);
  }
  while (drawn.rows.size > MAX_ROWS) removeRow(Math.min(...drawn.rows.keys()));
  $("script").classList.toggle("empty", drawn.rows.size === 0);
  if (!scroll.away && pxToEnd() > 1) scrollToEnd();
}

function scrollToEnd() { $("rows").scrollTop = $("rows").scrollHeight; }

// Rows come in the order of their keys, except those of a lane that is shown again.
function insertRow(key, item) {
  let before = $("rows").lastElementChild;
  while (before && Number(before.dataset.key) > key) before = before.previousElementSibling;
  item.dataset.key = key;
  item.hidden = isFilteredOut(Number(item.dataset.lane));
  drawn.rows.set(key, item);
  if (before) before.after(item);
  else $("rows").prepend(item);
}

function removeRow(key) {
  drawn.rows.get(key).remove();
  drawn.rows.delete(key);
}

export function removeRowsOf(lane) {
  for (const [key, item] of drawn.rows) if (Number(item.dataset.lane) === lane) removeRow(key);
}

export function resetTranscript() {
  scroll.away = false;
  for (const key of drawn.rows.keys()) removeRow(key);
  drawn.filter = null;  // nothing of it is known to be drawn
  drawn.only.clear();
}

function makeRow(row) {
  const item = make("div", `row ${row.kind}`), body = make("div");
  item.style.setProperty("--hue", hue(row.lane));
  item.dataset.second = row.second;
  item.dataset.lane = row.lane;
  item.words = make("p");
  if (row.kind === "asked") body.append(make("small", "", row.follow_up ? "You, following up" : "You"));
  body.append(item.words);
  const number = make("span", "row-lane", row.lane ? String(row.lane) : "");
  if (row.lane) {
    number.setAttribute("role", "img");
    number.setAttribute("aria-label", `Lane ${row.lane}`);
  }
  item.addEventListener("click", () => { if (!String(getSelection())) goToSecond(row.second, row.lane); });
  item.append(timeButton(row), number, body);
  return item;
}

function timeButton(row) {
  const time = make("time", "", clock(row.second));
  const jump = button("jump", undefined, (event) => {
    event.stopPropagation();
    goToSecond(row.second, row.lane);
  });
  time.dateTime = `PT${row.second}S`;
  jump.title = "Show this second";
  jump.append(time);
  return jump;
}

// ---- the filter: drawn.only holds the lanes shown, none = all of them

const isFilteredOut = (lane) => Boolean(lane && drawn.only.size && !drawn.only.has(lane));

export function drawFilter() {
  const open = [...drawn.lanes.keys()], box = $("transcript-filter");
  for (const lane of drawn.only) if (!open.includes(lane)) drawn.only.delete(lane);
  const key = open.length < 2 ? "" : `${open.join()}/${[...drawn.only].join()}`;
  if (key === drawn.filter) return;
  drawn.filter = key;
  const wanted = key ? open.length + 1 : 0;
  if (box.childElementCount !== wanted || open.some((lane) => !box.querySelector(`[data-lane="${lane}"]`))) {
    box.replaceChildren(...(key ? filterButtons(open) : []));
  }
  for (const one of box.children) {
    const lane = Number(one.dataset.lane);
    setAttribute(one, "aria-pressed", lane ? drawn.only.has(lane) : !drawn.only.size);
  }
  for (const item of drawn.rows.values()) item.hidden = isFilteredOut(Number(item.dataset.lane));
}

function filterButtons(lanes) {
  const ofLanes = lanes.map((lane) => filterButton(lane, String(lane), `Lines of lane ${lane}`));
  return [filterButton(0, "All", "Lines of all lanes"), ...ofLanes];
}

function filterButton(lane, text, label) {
  const node = button("filter", text, () => {
    if (!lane) drawn.only.clear();
    else if (!drawn.only.delete(lane)) drawn.only.add(lane);
    if (drawn.only.size === drawn.lanes.size) drawn.only.clear();
    drawFilter();
    scroll.away = false;
    scrollToEnd();
  });
  node.style.setProperty("--hue", hue(lane));
  node.dataset.lane = lane;
  setLabel(node, label);
  return node;
}
