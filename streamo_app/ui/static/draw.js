// Draws a view (ui/render.py) into the page. Whatever users and models wrote goes through textContent: gr.HTML's own templates
// would run "${...}" in it as JavaScript (they compile their result as a template literal), so nothing of a view goes into one.

const $ = (id) => document.getElementById(id);
const WORDS = { silence: "silent", standby: "stands by", response: "responds" };
const STRIP_PX = 22, HEIGHTS = { silence: 3, standby: 11, response: STRIP_PX };
const MAX_ROWS = 500, MAX_CELLS = 600, MIN_STEP_PX = 2, SHORTEST_AXIS_S = 30;

function make(tag, name, text) {
  const node = document.createElement(tag);
  if (name) node.className = name;
  if (text !== undefined) node.textContent = text;
  return node;
}

function write(node, text) { if (node.textContent !== text) node.textContent = text; }

function clock(seconds) {
  const s = Math.floor(seconds), two = (n) => String(n).padStart(2, "0");
  return s < 3600 ? `${Math.floor(s / 60)}:${two(s % 60)}` : `${Math.floor(s / 3600)}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}`;
}

const hue = (lane) => lane ? `var(--lane-${((lane - 1) % 8) + 1})` : "var(--faint)";

// ---- lanes. drawn.lanes: number -> {item, cells: Map(second -> cell)}; a cell is [second, state, seconds, p1, p2, p3]

function drawLanes(drawn, lanes, onRemove, onFollow) {
  const open = lanes.filter((lane) => lane.open);
  for (const [number, lane] of drawn.lanes) {
    if (!open.some((view) => view.lane === number)) { lane.item.remove(); drawn.lanes.delete(number); }
  }
  for (const view of open) {
    if (!drawn.lanes.has(view.lane)) drawn.lanes.set(view.lane, { item: laneItem(view, onRemove, onFollow), cells: new Map() });
    const lane = drawn.lanes.get(view.lane), item = lane.item;
    write(item.words, [view.text, ...view.follow_ups].join(" → "));
    item.words.title = item.words.textContent;
    const share = view.p && view.state ? ` ${Math.round(100 * view.p[["silence", "standby", "response"].indexOf(view.state)])} %` : "";
    lane.now = view.state ? WORDS[view.state] + share : "not asked yet";
    item.state.className = `lane-state ${view.state || ""}`;
    if (!item.pointed) write(item.state, lane.now);
    for (const cell of view.cells) lane.cells.set(cell[0], cell);
    for (const second of lane.cells.keys()) { if (lane.cells.size <= MAX_CELLS) break; lane.cells.delete(second); }
  }
  $("standing").hidden = open.length === 0;
}

function laneItem(view, onRemove, onFollow) {
  const item = make("li", "lane"), top = make("div", "lane-top");
  item.style.setProperty("--hue", hue(view.lane));
  item.dataset.lane = view.lane;
  item.words = make("p", "long");
  item.state = make("span", "lane-state");
  const follow = item.follow = make("button", "icon follow", "↳"), remove = make("button", "icon", "×");
  follow.type = remove.type = "button";
  follow.title = "Follow up; once more (or Esc): not now";
  follow.setAttribute("aria-pressed", "false");
  follow.setAttribute("aria-label", `Follow up on: ${view.text}`);
  remove.title = "Remove";
  remove.setAttribute("aria-label", `Remove: ${view.text}`);
  follow.addEventListener("click", () => onFollow(view.lane, view.text));
  remove.addEventListener("click", () => onRemove(view.lane));
  top.append(make("i"), item.words, item.state, follow, remove);
  item.strip = strip();
  item.append(top, item.strip);
  $("lanes").append(item);
  $("lanes").scrollTop = $("lanes").scrollHeight;
  return item;
}

function strip() {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "strip");
  svg.setAttribute("role", "img");
  for (const name of ["rest", "silence", "standby", "response"]) {
    const path = document.createElementNS(svg.namespaceURI, "path");
    path.setAttribute("class", name);
    svg.append(path);
  }
  return svg;
}

function drawStrips(drawn, newest, duration) {
  let shown = null;
  for (const [, lane] of drawn.lanes) {
    const width = lane.item.strip.clientWidth;
    if (!width) continue;
    const span = Math.max(SHORTEST_AXIS_S, Math.ceil(duration || 0), newest + 1);
    const step = Math.max(MIN_STEP_PX, width / span);
    const first = Math.max(0, newest + 1 - Math.floor(width / step));
    const paths = { silence: "", standby: "", response: "" }, counts = { silence: 0, standby: 0, response: 0 };
    const gap = step > 4 ? 1.5 : step > 2.5 ? 0.6 : 0;
    for (const [second, state, seconds] of lane.cells.values()) {
      if (second + seconds <= first) continue;
      const x = Math.max(0, second - first) * step, w = Math.max(1, seconds * step - gap), h = HEIGHTS[state];
      paths[state] += `M${x.toFixed(1)} ${STRIP_PX}v${-h}h${w.toFixed(1)}v${h}z`;
      counts[state] += 1;
    }
    for (const state in paths) lane.item.strip.querySelector(`.${state}`).setAttribute("d", paths[state]);
    const end = Math.min(width, (span - first) * step), begin = Math.min(end, (newest + 1 - first) * step);
    lane.item.strip.querySelector(".rest").setAttribute("d", `M${begin.toFixed(1)} ${STRIP_PX}v-1h${(end - begin).toFixed(1)}v1z`);
    lane.item.strip.setAttribute("aria-label", `Decisions since ${clock(first)}: ${counts.silence} silent, ${counts.standby} standing by, ${counts.response} responses`);
    shown = { first, step, last: Math.max(newest, Math.min(span - 1, first + Math.floor(width / step) - 1)) };
    lane.item.strip.onpointermove = (event) => point(lane, first + Math.floor(event.offsetX / step));
    lane.item.strip.onpointerleave = () => point(lane, null);
  }
  write($("axis"), shown ? `${clock(shown.first)} – ${clock(shown.last + 1)}` : "");
}

function point(lane, second) {
  const cell = second === null ? null : [...lane.cells.values()].findLast((cell) => cell[0] <= second && second < cell[0] + cell[2]);
  lane.item.pointed = Boolean(cell);
  const [, , , ...p] = cell || [];
  write(lane.item.state, cell ? `${clock(cell[0])} · ${p.map((x, i) => `${["silent", "stands by", "responds"][i]} ${Math.round(100 * x)} %`).join(" · ")}` : lane.now);
}

// ---- transcript

function drawRows(drawn, rows, onJump) {
  const list = $("rows"), atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 60;
  for (const row of rows) {
    let item = drawn.rows.get(row.key);
    if (!item) { item = rowItem(row, onJump); drawn.rows.set(row.key, item); list.append(item); }
    item.classList.toggle("partial", row.partial);
    item.setAttribute("aria-busy", String(row.partial));
    write(item.words, row.text);
  }
  while (drawn.rows.size > MAX_ROWS) { const [key, item] = drawn.rows.entries().next().value; item.remove(); drawn.rows.delete(key); }
  $("script").classList.toggle("empty", drawn.rows.size === 0);
  if (rows.length && atEnd) list.scrollTop = list.scrollHeight;
}

function rowItem(row, onJump) {
  const item = make("li", `row ${row.kind}`), body = make("div");
  item.style.setProperty("--hue", hue(row.lane));
  item.dataset.second = row.second;
  item.dataset.lane = row.lane;
  item.words = make("p");
  if (row.kind === "asked") body.append(make("small", "", row.follow_up ? "You, following up" : "You"));
  body.append(item.words);
  const time = make("time", "", clock(row.second)), jump = make("button", "jump");
  time.dateTime = `PT${row.second}S`;
  jump.type = "button";
  jump.title = "Show this second";
  jump.append(time);
  jump.addEventListener("click", () => onJump(row.second));
  item.append(jump, body);
  return item;
}

function drawNumbers(numbers) {
  const list = $("numbers");
  while (list.children.length > numbers.length) list.lastChild.remove();
  numbers.forEach(([value, label, title], index) => {
    if (!list.children[index]) { const pair = make("div"); pair.append(make("dt"), make("dd")); list.append(pair); }
    const pair = list.children[index];
    write(pair.firstChild, label);
    write(pair.lastChild, value);
    pair.title = title;
  });
}
