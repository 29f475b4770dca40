// Standing instructions, a card each, told by colour and number. One of them is chosen: its card shows the probability trace and the
// controls. drawn.chosen: its number, 0 = none.
// drawn.lanes: number -> {item, view, cells: Map(first second -> cell)}; a cell is [second, state, seconds, p1, p2, p3].

const MAX_CELLS = 600, SPARE_CELLS = 100;  // beyond both the server is asked for its own strip, which bins the far seconds
const TALK = { "-3": "far quieter", "-2": "quieter", "-1": "a little quieter", 0: "as trained", 1: "a little more", 2: "more", 3: "far more" };

function drawLanes(views) {
  const open = views.filter((view) => view.open);
  for (const [number, lane] of drawn.lanes) {
    if (!open.some((view) => view.lane === number)) { lane.item.remove(); drawn.lanes.delete(number); }
  }
  for (const view of open) {
    if (!drawn.lanes.has(view.lane)) {
      drawn.lanes.set(view.lane, { item: laneItem(view.lane), cells: new Map(), version: 0, view });
      drawn.chosen = view.lane;
    }
    drawLane(drawn.lanes.get(view.lane), view);
  }
  if (drawn.chosen && !drawn.lanes.has(drawn.chosen)) drawn.chosen = [...drawn.lanes.keys()].at(-1) || 0;
  for (const [number, { item }] of drawn.lanes) {
    item.classList.toggle("chosen", number === drawn.chosen);
    mark(item.number, "aria-expanded", number === drawn.chosen);
  }
  $("standing").hidden = open.length === 0;
}

function drawLane(lane, view) {
  const { item } = lane;
  if (lane.view.muted && !view.muted) page.whole = true;  // the rows that were left out
  if (!lane.view.muted && view.muted) forgetRows(view.lane);
  lane.view = view;
  write(item.words, view.text);
  mark(item.words, "title", view.text);
  write(item.follows, view.follow_ups.map((text) => `↳ ${text}`).join("\n"));
  write(item.state, view.state ? `${WORDS[view.state]}${view.p ? ` ${percent(view.p[STATES.indexOf(view.state)])}` : ""}` : "not asked yet");
  mark(item.state, "class", `lane-state ${view.state || ""}`);
  item.classList.toggle("muted", view.muted);
  write(item.number, String(view.lane));
  mark(item.number, "aria-label", `Lane ${view.lane}: ${view.text}`);
  drawMute(item, view);
  drawTalk(item, view);
  item.follow.disabled = page.status !== "running" && page.status !== "idle";
  if (item.follow.disabled) closeFollow(item);
  each("lane", item, view);
  keepCells(lane, view.cells);
}

function keepCells(lane, cells) {
  if (page.view.since < 0) lane.cells.clear();
  for (const cell of cells) {
    if (String(lane.cells.get(cell[0])) === String(cell)) continue;
    lane.cells.set(cell[0], cell);
    lane.version += 1;
  }
  if (lane.cells.size > MAX_CELLS + SPARE_CELLS) page.whole = true;
}

function laneItem(number) {
  const item = make("li", "lane"), top = make("div", "lane-top"), asked = make("div", "lane-asked");
  item.style.setProperty("--hue", hue(number));
  item.dataset.lane = number;
  item.number = button("lane-number", "", () => chooseLane(number === drawn.chosen ? 0 : number));
  item.words = make("p", "long");
  item.follows = make("div", "follows");
  item.state = make("span", "lane-state");
  item.mute = iconButton("bell", "Mute", () => act({ do: "mute", lane: number, muted: !drawn.lanes.get(number).view.muted }));
  item.drop = iconButton("remove", "Remove", () => act({ do: "remove", lane: number }));
  asked.append(item.words, item.follows);
  item.tools = make("span", "lane-tools");
  top.append(item.number, asked, item.state, item.tools, item.mute, item.drop);
  item.strip = strip(number);
  item.append(top, item.strip, laneMore(item, number));
  $("lanes").append(item);
  $("lanes").scrollTop = $("lanes").scrollHeight;
  return item;
}

// What only the chosen lane shows.
function laneMore(item, number) {
  const more = make("div", "lane-more"), row = make("div", "lane-row");
  item.trace = trace();
  listen(item.trace.picture, () => drawn.lanes.get(number));
  item.follow = button("small follow", "Follow up", () => openFollow(item));
  row.append(item.follow, talkControl(item, number));
  item.form = followForm(item, number);
  more.append(item.trace.node, row, item.form);
  return more;
}

function chooseLane(number) {
  drawn.chosen = number;
  for (const [other, { item }] of drawn.lanes) {
    item.classList.toggle("chosen", other === number);
    mark(item.number, "aria-expanded", other === number);
  }
  strips();
}

function drawMute(item, view) {
  const icon = view.muted ? "muted" : "bell";
  mark(item.mute.querySelector("path"), "d", ICONS[icon]);
  mark(item.mute, "aria-pressed", view.muted);
  labelled(item.mute, view.muted ? `Show the lines of lane ${view.lane} again` : `Mute lane ${view.lane}: hide its lines; it keeps watching`);
  labelled(item.drop, `Remove: ${view.text}`);
}

// ---- talkativeness: a shift of the response logit, from the next second on

function talkControl(item, number) {
  const label = make("label", "talk-control"), range = item.talk = make("input");
  Object.assign(range, { type: "range", min: -3, max: 3, step: 1, value: 0 });
  item.talkWords = make("span", "talk-words");
  label.append(make("span", "", "Talks"), range, item.talkWords);
  range.setAttribute("aria-label", `How readily lane ${number} speaks`);
  range.addEventListener("input", () => { item.held = Infinity; sayTalk(item); });
  range.addEventListener("change", () => {
    item.held = Date.now() + 3000;  // until the server says so too, or does not answer
    act({ do: "talk", lane: number, talk: Number(range.value) });
  });
  return label;
}

function drawTalk(item, view) {
  if (item.held && Number(item.talk.value) !== view.talk && Date.now() < item.held) return;
  item.held = 0;
  if (Number(item.talk.value) !== view.talk) item.talk.value = view.talk;
  sayTalk(item);
}

function sayTalk(item) {
  const words = TALK[item.talk.value];
  write(item.talkWords, words);
  mark(item.talk, "aria-valuetext", words);
}

// ---- a follow-up, typed in the lane itself

function followForm(item, number) {
  const form = make("form", "follow-form"), input = item.input = make("input");
  Object.assign(input, { type: "text", autocomplete: "off", placeholder: "Say more to this lane" });
  input.setAttribute("aria-label", `Follow up in lane ${number}`);
  input.setAttribute("enterkeyhint", "send");
  const send = make("button", "small", "Send");
  send.type = "submit";
  form.hidden = true;
  form.append(input, send);
  form.addEventListener("submit", (event) => { event.preventDefault(); followUp(number, input.value); });
  input.addEventListener("keydown", (event) => { if (event.key === "Escape") { closeFollow(item); item.follow.focus(); } });
  return form;
}

function openFollow(item) {
  if (!item.form.hidden) { closeFollow(item); return; }
  item.form.hidden = false;
  mark(item.follow, "aria-expanded", true);
  item.input.focus();
  item.scrollIntoView({ block: "nearest" });
}

function closeFollow(item) {
  item.form.hidden = true;
  mark(item.follow, "aria-expanded", false);
}

function followUp(lane, text) {
  page.following = { lane, text };
  page.complaint = page.stale = "";
  act({ do: "follow", lane, text });
}

// Taken, the line closes; refused, the words stay in it and the reason stands in the page's message.
function followed(refused) {
  const item = drawn.lanes.get(page.following?.lane)?.item;
  if (refused || !item || item.input.value !== page.following.text) return;
  item.input.value = "";
  if (item.form.contains(document.activeElement)) item.follow.focus();
  closeFollow(item);
}
