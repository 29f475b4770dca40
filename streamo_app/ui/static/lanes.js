// Standing instructions, a card each. drawn.lanes: number -> {item, cells: Map(second -> cell)}; a cell is [second, state, seconds, p1, p2, p3].

const WORDS = { silence: "silent", standby: "stands by", response: "responds" };
const MAX_CELLS = 600;

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
    each("lane", item, view);
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
  item.tools = make("span", "lane-tools");
  top.append(make("i"), item.words, item.state, item.tools, follow, remove);
  item.strip = strip();
  item.append(top, item.strip);
  $("lanes").append(item);
  $("lanes").scrollTop = $("lanes").scrollHeight;
  return item;
}
