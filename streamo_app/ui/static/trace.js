// The probabilities of the chosen lane as three lines over the same stretch of time as its strip, told by colour and dash.

const LINES_PX = 44, INSET_PX = 3;

function trace() {
  const node = make("div", "trace"), picture = svg("svg", { role: "img" }), key = make("div", "trace-key"), lines = {}, values = {};
  for (const state of STATES) {
    lines[state] = svg("path", { class: state });
    picture.append(lines[state]);
    const entry = make("span", state), sample = svg("svg", { viewBox: "0 0 18 6", "aria-hidden": "true" });
    sample.append(svg("path", { class: state, d: "M0 3h18" }));
    values[state] = make("b");
    entry.append(sample, make("span", "", WORDS[state]), values[state]);
    key.append(entry);
  }
  node.append(picture, key);
  return { node, picture, lines, values };
}

function drawTrace(lane, { first, unit, step, newest }) {
  const { picture, lines, values } = lane.item.trace, { p } = lane.view, paths = ["", "", ""];
  let last = null;
  for (const [bin, [, , , ...shares]] of lane.bins) {
    const x = ((bin + 0.5) * unit - first) * step;
    shares.forEach((share, i) => { paths[i] += `${last === bin - 1 ? "L" : "M"}${x.toFixed(1)} ${(INSET_PX + (1 - share) * (LINES_PX - 2 * INSET_PX)).toFixed(1)}${last === bin - 1 ? "" : "h.1"}`; });
    last = bin;
  }
  STATES.forEach((state, i) => { mark(lines[state], "d", paths[i]); write(values[state], p ? percent(p[i]) : "–"); });
  mark(picture, "aria-label", p ? `Probabilities of lane ${lane.view.lane} at ${clock(Math.max(0, newest))}: ${STATES.map((state, i) => `${WORDS[state]} ${percent(p[i])}`).join(", ")}` : `Probabilities of lane ${lane.view.lane}: none yet`);
}
