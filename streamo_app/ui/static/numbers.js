// The numbers at the foot of the page, some with a line of their last two minutes. On a phone they fold.

const TRACE_S = 120, TRACE_PX = { width: 56, height: 18 }, SVG = "http://www.w3.org/2000/svg";
const figures = { cells: new Map(), traces: new Map() };  // key -> its element; key -> {at, points: [[seconds, value], ...]}

function drawNumbers(list) {
  for (const number of list) {
    if (!figures.cells.has(number.key)) figures.cells.set(number.key, numberCell(number.now !== undefined));
    const cell = figures.cells.get(number.key);
    write(cell.label, number.label);
    write(cell.value, number.value);
    cell.title = number.title;
    cell.value.setAttribute("aria-description", number.title);
    if (number.now !== undefined && number.now !== null) plotNumber(cell, number);
  }
  const shown = list.map((number) => figures.cells.get(number.key));
  if (shown.length !== $("numbers").children.length || shown.some((cell, index) => cell !== $("numbers").children[index])) $("numbers").replaceChildren(...shown);
  const brief = list.filter((number) => ["ms", "lag", "skipped"].includes(number.key)).map((number) => number.key === "ms" ? `${number.value} a second` : `${number.value} ${number.label}`);
  write($("numbers-brief"), brief.join(" · "));
}

function numberCell(traced) {
  const cell = make("div", "number");
  cell.label = make("dt");
  cell.value = make("span");
  const value = make("dd");
  value.append(cell.value);
  if (traced) value.append(cell.line = spark());
  cell.append(cell.label, value);
  return cell;
}

function spark() {
  const svg = document.createElementNS(SVG, "svg"), path = document.createElementNS(SVG, "path");
  svg.setAttribute("class", "spark");
  svg.setAttribute("viewBox", `0 0 ${TRACE_PX.width} ${TRACE_PX.height}`);
  svg.setAttribute("aria-hidden", "true");
  svg.append(path);
  return svg;
}

// Adds what was measured now, and draws the last two minutes from 0 to their largest value.
function plotNumber(cell, { key, now, at }) {
  const time = performance.now() / 1000, line = figures.traces.get(key) || { at: null, points: [] };
  figures.traces.set(key, line);
  const last = line.points.at(-1);
  if (at === null ? last && time - last[0] < 0.9 : at === line.at) { if (last && at !== null) last[1] = now; }
  else line.points.push([time, now]);
  line.at = at;
  while (line.points.length && time - line.points[0][0] > TRACE_S) line.points.shift();
  const top = Math.max(...line.points.map((point) => point[1])) || 1, { width, height } = TRACE_PX;
  const place = ([when, value]) => `${(width - (time - when) / TRACE_S * width).toFixed(1)} ${(height - 1 - (height - 2) * value / top).toFixed(1)}`;
  cell.line.firstChild.setAttribute("d", line.points.length > 1 ? `M${line.points.map(place).join("L")}` : "");
}

parts.push({
  begin() {
    const wide = matchMedia("(min-width: 901px)"), unfold = () => { $("numbers-fold").open = wide.matches; };
    wide.addEventListener("change", unfold);
    unfold();
  },
  forget() { figures.traces.delete("ms"); figures.traces.delete("lag"); },
});
