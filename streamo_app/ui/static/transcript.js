// What was asked and said, a line each, the newest MAX_ROWS of them; and which lanes it shows. A muted lane has no rows here.

const MAX_ROWS = 500;

// The newest line stays in view unless its reader scrolled up, whatever a lane that opens or closes takes of the list's height.
const reading = { top: 0, away: false };
const fromEnd = () => $("rows").scrollHeight - $("rows").scrollTop - $("rows").clientHeight;

function heedScroll() {
  const { scrollTop } = $("rows");
  if (fromEnd() < 60) reading.away = false;
  else if (scrollTop < reading.top - 4) reading.away = true;
  reading.top = scrollTop;
}

function drawRows(rows) {
  for (const row of rows) {
    let item = drawn.rows.get(row.key);
    if (!item) { item = rowItem(row); insertRow(row.key, item); }
    item.classList.toggle("partial", row.partial);
    mark(item, "aria-busy", row.partial);
    write(item.words, row.text);
  }
  while (drawn.rows.size > MAX_ROWS) forgetRow(Math.min(...drawn.rows.keys()));
  $("script").classList.toggle("empty", drawn.rows.size === 0);
  if (!reading.away && fromEnd() > 1) $("rows").scrollTop = $("rows").scrollHeight;
}

// Rows come in the order of their keys, but for those of a lane that is shown again.
function insertRow(key, item) {
  let before = $("rows").lastElementChild;
  while (before && Number(before.dataset.key) > key) before = before.previousElementSibling;
  item.dataset.key = key;
  item.hidden = filtered(Number(item.dataset.lane));
  drawn.rows.set(key, item);
  if (before) before.after(item); else $("rows").prepend(item);
}

function forgetRow(key) { drawn.rows.get(key).remove(); drawn.rows.delete(key); }
function forgetRows(lane) { for (const [key, item] of drawn.rows) if (Number(item.dataset.lane) === lane) forgetRow(key); }

function rowItem(row) {
  const item = make("div", `row ${row.kind}`), body = make("div");
  item.style.setProperty("--hue", hue(row.lane));
  item.dataset.second = row.second;
  item.dataset.lane = row.lane;
  item.words = make("p");
  if (row.kind === "asked") body.append(make("small", "", row.follow_up ? "You, following up" : "You"));
  body.append(item.words);
  const time = make("time", "", clock(row.second)), jump = button("jump", undefined, (event) => { event.stopPropagation(); goTo(row.second, row.lane); });
  time.dateTime = `PT${row.second}S`;
  jump.title = "Show this second";
  jump.append(time);
  const number = make("span", "row-lane", row.lane ? String(row.lane) : "");
  if (row.lane) { number.setAttribute("role", "img"); number.setAttribute("aria-label", `Lane ${row.lane}`); }
  item.addEventListener("click", () => { if (!String(getSelection())) goTo(row.second, row.lane); });
  item.append(jump, number, body);
  return item;
}

// ---- filter: drawn.only holds the lanes shown, none = all of them

const filtered = (lane) => Boolean(lane && drawn.only.size && !drawn.only.has(lane));

function drawFilter() {
  const open = [...drawn.lanes.keys()], box = $("transcript-filter");
  for (const lane of drawn.only) if (!open.includes(lane)) drawn.only.delete(lane);
  const key = open.length < 2 ? "" : `${open.join()}/${[...drawn.only].join()}`;
  if (key === drawn.filter) return;
  drawn.filter = key;
  if (box.childElementCount !== (key ? open.length + 1 : 0) || open.some((lane) => !box.querySelector(`[data-lane="${lane}"]`))) {
    box.replaceChildren(...(key ? [filterButton(0, "All", "Lines of all lanes"), ...open.map((lane) => filterButton(lane, String(lane), `Lines of lane ${lane}`))] : []));
  }
  for (const one of box.children) mark(one, "aria-pressed", Number(one.dataset.lane) ? drawn.only.has(Number(one.dataset.lane)) : !drawn.only.size);
  for (const item of drawn.rows.values()) item.hidden = filtered(Number(item.dataset.lane));
}

function filterButton(lane, text, label) {
  const node = button("filter", text, () => {
    if (!lane) drawn.only.clear();
    else if (!drawn.only.delete(lane)) drawn.only.add(lane);
    if (drawn.only.size === drawn.lanes.size) drawn.only.clear();
    drawFilter();
    reading.away = false;
    $("rows").scrollTop = $("rows").scrollHeight;
  });
  node.style.setProperty("--hue", hue(lane));
  node.dataset.lane = lane;
  labelled(node, label);
  return node;
}
