// What was asked and said, a line each, the newest MAX_ROWS of them.

const MAX_ROWS = 500;

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
