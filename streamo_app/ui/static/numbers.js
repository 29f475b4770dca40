// The numbers at the foot of the page, some with a line of their last two minutes. On a phone they fold.

import { $, make, setText, svg } from "./dom.js";

const SPARK_S = 120, SPARK_PX = { width: 56, height: 18 };
const BRIEF_KEYS = ["ms", "lag", "skipped"];  // what a folded phone still shows
const cells = new Map();   // key of a number -> its element
const traces = new Map();  // key of a number -> {at, points: [[seconds, value], ...]}

export function setUpNumbers() {
  const wide = matchMedia("(min-width: 901px)"), unfold = () => { $("numbers-fold").open = wide.matches; };
  wide.addEventListener("change", unfold);
  unfold();
}

export function resetNumbers() {
  traces.delete("ms");
  traces.delete("lag");
}

export function drawNumbers(list) {
  for (const number of list) {
    if (!cells.has(number.key)) cells.set(number.key, makeCell(number.now !== undefined));
    const cell = cells.get(number.key);
    setText(cell.label, number.label);
    setText(cell.value, number.value);
    cell.title = number.title;
    cell.value.setAttribute("aria-description", number.title);
    if (number.now !== undefined && number.now !== null) plot(cell, number);
  }
  const box = $("numbers"), shown = list.map((number) => cells.get(number.key));
  const isSame = shown.length === box.children.length && shown.every((cell, index) => cell === box.children[index]);
  if (!isSame) box.replaceChildren(...shown);
  const brief = list.filter((number) => BRIEF_KEYS.includes(number.key));
  const texts = brief.map(({ key, label, value }) => (key === "ms" ? `${value} per second` : `${value} ${label}`));
  setText($("numbers-brief"), texts.join(" · "));
}

function makeCell(isPlotted) {
  const cell = make("div", "number"), value = make("dd");
  cell.label = make("dt");
  cell.value = make("span");
  value.append(cell.value);
  if (isPlotted) value.append(cell.line = makeSpark());
  cell.append(cell.label, value);
  return cell;
}

function makeSpark() {
  const { width, height } = SPARK_PX;
  const spark = svg("svg", { class: "spark", viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" });
  spark.append(svg("path"));
  return spark;
}

// Adds what was measured now, and draws the last two minutes from 0 to their largest value. `at`: the second that the
// value belongs to, measured once; null for what can be measured at any time, and is then taken about once a second.
function plot(cell, { key, now, at }) {
  const time = performance.now() / 1000, trace = traces.get(key) || { at: null, points: [] }, { points } = trace;
  traces.set(key, trace);
  const last = points.at(-1), isKnown = at === null ? last && time - last[0] < 0.9 : at === trace.at;
  if (!isKnown) points.push([time, now]);
  else if (last && at !== null) last[1] = now;
  trace.at = at;
  while (points.length && time - points[0][0] > SPARK_S) points.shift();
  const top = Math.max(...points.map((point) => point[1])) || 1, { width, height } = SPARK_PX;
  const place = ([when, value]) => {
    const x = width - (time - when) / SPARK_S * width, y = height - 1 - (height - 2) * value / top;
    return `${x.toFixed(1)} ${y.toFixed(1)}`;
  };
  cell.line.firstChild.setAttribute("d", points.length > 1 ? `M${points.map(place).join("L")}` : "");
}
