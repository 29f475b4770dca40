// The strip of a lane: a cell per second, its state told by height and colour.

const STRIP_PX = 22, HEIGHTS = { silence: 3, standby: 11, response: STRIP_PX };
const MIN_STEP_PX = 2, SHORTEST_AXIS_S = 30;

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
