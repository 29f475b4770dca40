// The open instructions, a card ("lane") each, told apart by colour and number. One of them is chosen: its card shows
// the probability trace and the controls. A lane is {item, view, cells: Map(first second -> cell), version}; a cell is
// [second, state, seconds, p1, p2, p3].

import { $, button, hue, iconButton, ICONS, make, percent, setAttribute, setLabel, setText, STATES, STATE_WORDS } from
  "./dom.js";
import { clearMessage } from "./message.js";
import { addAloudButton } from "./read_aloud.js";
import { act } from "./server.js";
import { drawn, page } from "./state.js";
import { makeStrip, makeTrace } from "./strip.js";
import { drawStrips, listenForLooks } from "./timeline.js";
import { removeRowsOf } from "./transcript.js";

const MAX_CELLS = 600, SPARE_CELLS = 100;  // beyond both the server is asked for its own strip, which bins old seconds
const TALKATIVENESS = {
  "-3": "far quieter", "-2": "quieter", "-1": "a little quieter", 0: "as trained", 1: "a little more", 2: "more",
  3: "far more",
};

export function drawLanes(views) {
  const open = views.filter((view) => view.open);
  for (const [number, lane] of drawn.lanes) {
    if (open.some((view) => view.lane === number)) continue;
    lane.item.remove();
    drawn.lanes.delete(number);
  }
  for (const view of open) {
    if (!drawn.lanes.has(view.lane)) {
      drawn.lanes.set(view.lane, { item: makeLane(view.lane), cells: new Map(), version: 0, view });
      drawn.chosen = view.lane;
    }
    drawLane(drawn.lanes.get(view.lane), view);
  }
  if (drawn.chosen && !drawn.lanes.has(drawn.chosen)) drawn.chosen = [...drawn.lanes.keys()].at(-1) || 0;
  drawChoice();
  $("standing").hidden = open.length === 0;
}

function drawChoice() {
  for (const [number, { item }] of drawn.lanes) {
    item.classList.toggle("chosen", number === drawn.chosen);
    setAttribute(item.number, "aria-expanded", number === drawn.chosen);
  }
}

function drawLane(lane, view) {
  const { item } = lane;
  if (lane.view.muted && !view.muted) page.wantAll = true;  // the rows that were left out
  if (!lane.view.muted && view.muted) removeRowsOf(view.lane);
  lane.view = view;
  setText(item.words, view.text);
  setAttribute(item.words, "title", view.text);
  setText(item.follows, view.follow_ups.map((text) => `↳ ${text}`).join("\n"));
  setText(item.state, stateText(view));
  setAttribute(item.state, "class", `lane-state ${view.state || ""}`);
  item.classList.toggle("muted", view.muted);
  setText(item.number, String(view.lane));
  setAttribute(item.number, "aria-label", `Lane ${view.lane}: ${view.text}`);
  drawMute(item, view);
  drawTalk(item, view);
  item.follow.disabled = page.status !== "running" && page.status !== "idle";
  if (item.follow.disabled) closeFollow(item);
  if (!item.aloud) addAloudButton(item);
  keepCells(lane, view.cells);
}

function stateText(view) {
  if (!view.state) return "not asked yet";
  return `${STATE_WORDS[view.state]}${view.p ? ` ${percent(view.p[STATES.indexOf(view.state)])}` : ""}`;
}

function keepCells(lane, cells) {
  if (page.view.since < 0) lane.cells.clear();
  for (const cell of cells) {
    if (String(lane.cells.get(cell[0])) === String(cell)) continue;
    lane.cells.set(cell[0], cell);
    lane.version += 1;
  }
  if (lane.cells.size > MAX_CELLS + SPARE_CELLS) page.wantAll = true;
}

export function resetLanes() {
  for (const lane of drawn.lanes.values()) lane.item.remove();
  drawn.lanes.clear();
  Object.assign(drawn, { chosen: 0, axis: "" });
}

function makeLane(number) {
  const item = make("li", "lane"), top = make("div", "lane-top"), asked = make("div", "lane-asked");
  item.style.setProperty("--hue", hue(number));
  item.dataset.lane = number;
  item.number = button("lane-number", "", () => chooseLane(number === drawn.chosen ? 0 : number));
  item.words = make("p", "long");
  item.follows = make("div", "follows");
  item.state = make("span", "lane-state");
  item.mute = iconButton("bell", "Mute", () => {
    act({ do: "mute", lane: number, muted: !drawn.lanes.get(number).view.muted });
  });
  item.drop = iconButton("remove", "Remove", () => act({ do: "remove", lane: number }));
  asked.append(item.words, item.follows);
  item.tools = make("span", "lane-tools");
  top.append(item.number, asked, item.state, item.tools, item.mute, item.drop);
  item.strip = makeStrip(number);
  listenForLooks(item.strip, () => drawn.lanes.get(number));
  item.append(top, item.strip, makeDetails(item, number));
  $("lanes").append(item);
  $("lanes").scrollTop = $("lanes").scrollHeight;
  return item;
}

// What only the chosen lane shows.
function makeDetails(item, number) {
  const more = make("div", "lane-more"), row = make("div", "lane-row");
  item.trace = makeTrace();
  listenForLooks(item.trace.drawing, () => drawn.lanes.get(number));
  item.follow = button("small follow", "Follow up", () => toggleFollow(item));
  row.append(item.follow, makeTalk(item, number));
  item.form = makeFollowForm(item, number);
  more.append(item.trace.node, row, item.form);
  return more;
}

function chooseLane(number) {
  drawn.chosen = number;
  drawChoice();
  drawStrips();
}

function drawMute(item, { lane, muted, text }) {
  setAttribute(item.mute.querySelector("path"), "d", ICONS[muted ? "muted" : "bell"]);
  setAttribute(item.mute, "aria-pressed", muted);
  const mute = `Mute lane ${lane}: hide its lines; it keeps watching`;
  setLabel(item.mute, muted ? `Show the lines of lane ${lane} again` : mute);
  setLabel(item.drop, `Remove: ${text}`);
}

// ---- talkativeness: a shift of the response logit, from the next second on

function makeTalk(item, number) {
  const label = make("label", "talk-control"), range = item.talk = make("input");
  Object.assign(range, { type: "range", min: -3, max: 3, step: 1, value: 0 });
  item.talkWords = make("span", "talk-words");
  label.append(make("span", "", "Talkativeness"), range, item.talkWords);
  range.setAttribute("aria-label", `How readily lane ${number} speaks`);
  range.addEventListener("input", () => { item.heldUntil = Infinity; drawTalkWords(item); });
  range.addEventListener("change", () => {
    item.heldUntil = Date.now() + 3000;  // until the server says so too, or does not answer
    act({ do: "talk", lane: number, talk: Number(range.value) });
  });
  return label;
}

function drawTalk(item, view) {
  if (item.heldUntil && Number(item.talk.value) !== view.talk && Date.now() < item.heldUntil) return;
  item.heldUntil = 0;
  if (Number(item.talk.value) !== view.talk) item.talk.value = view.talk;
  drawTalkWords(item);
}

function drawTalkWords(item) {
  const words = TALKATIVENESS[item.talk.value];
  setText(item.talkWords, words);
  setAttribute(item.talk, "aria-valuetext", words);
}

// ---- a follow-up, typed in the lane itself

function makeFollowForm(item, number) {
  const form = make("form", "follow-form"), input = item.input = make("input");
  Object.assign(input, { type: "text", autocomplete: "off", placeholder: "Add something for this lane" });
  input.setAttribute("aria-label", `Follow up in lane ${number}`);
  input.setAttribute("enterkeyhint", "send");
  const send = make("button", "small", "Send");
  send.type = "submit";
  form.hidden = true;
  form.append(input, send);
  form.addEventListener("submit", (event) => { event.preventDefault(); sendFollow(number, input.value); });
  input.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    closeFollow(item);
    item.follow.focus();
  });
  return form;
}

function toggleFollow(item) {
  if (!item.form.hidden) {
    closeFollow(item);
    return;
  }
  item.form.hidden = false;
  setAttribute(item.follow, "aria-expanded", true);
  item.input.focus();
  item.scrollIntoView({ block: "nearest" });
}

function closeFollow(item) {
  item.form.hidden = true;
  setAttribute(item.follow, "aria-expanded", false);
}

function sendFollow(lane, text) {
  page.following = { lane, text };
  clearMessage();
  act({ do: "follow", lane, text });
}

// Accepted, the field closes; refused, the text stays in it and the reason stands in the page's message.
export function onFollowAnswered(refused) {
  const item = drawn.lanes.get(page.following?.lane)?.item;
  if (refused || !item || item.input.value !== page.following.text) return;
  item.input.value = "";
  if (item.form.contains(document.activeElement)) item.follow.focus();
  closeFollow(item);
}
