// What every other script of the page builds on. Whatever users and models wrote goes through textContent: gr.HTML's own templates
// would run "${...}" in it as JavaScript (they compile their result as a template literal), so nothing of a view goes into one.

// Parts of the page that come with a file of their own hook in here: parts.push({ begin(), draw(view), lane(item, view), forget() }),
// each of them optional. `begin` runs once when the page stands, `draw` with every view, `lane` with every view of an open lane
// (`item.tools` is where its buttons go), `forget` when a new run begins.
const parts = [];
const each = (hook, ...given) => { for (const part of parts) part[hook]?.(...given); };

const $ = (id) => document.getElementById(id);
const STATES = ["silence", "standby", "response"], WORDS = { silence: "silent", standby: "stands by", response: "responds" };
const ICONS = {
  bell: "M5 11.5V7.5a3 3 0 0 1 6 0v4M3.5 11.5h9M7 13.5h2",
  muted: "M5 11.5V7.5a3 3 0 0 1 6 0v4M3.5 11.5h9M7 13.5h2M2.5 2.5l11 11",
  remove: "M4 4l8 8M12 4l-8 8",
};

function make(tag, name, text) {
  const node = document.createElement(tag);
  if (name) node.className = name;
  if (text !== undefined) node.textContent = text;
  return node;
}

function svg(tag, attributes = {}) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const name in attributes) node.setAttribute(name, attributes[name]);
  return node;
}

function button(name, text, onClick) {
  const node = make("button", name, text);
  node.type = "button";
  node.addEventListener("click", onClick);
  return node;
}

// A button that shows one of ICONS; its label is also its tip.
function iconButton(icon, label, onClick) {
  const node = button("icon", undefined, onClick), picture = svg("svg", { viewBox: "0 0 16 16", "aria-hidden": "true" });
  picture.append(svg("path", { d: ICONS[icon] }));
  node.append(picture);
  labelled(node, label);
  return node;
}

function labelled(node, label) {
  if (node.title === label) return;
  node.title = label;
  node.setAttribute("aria-label", label);
}

// Both write only what differs: a page that is redrawn twice a second must not make the browser lay it out anew.
function write(node, text) { if (node.textContent !== text) node.textContent = text; }
function mark(node, attribute, value) { if (node.getAttribute(attribute) !== String(value)) node.setAttribute(attribute, value); }

function clock(seconds) {
  const s = Math.floor(seconds), two = (n) => String(n).padStart(2, "0");
  return s < 3600 ? `${Math.floor(s / 60)}:${two(s % 60)}` : `${Math.floor(s / 3600)}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}`;
}

const percent = (share) => `${Math.round(100 * share)} %`;
const hue = (lane) => lane ? `var(--lane-${((lane - 1) % 8) + 1})` : "var(--faint)";

function pill(text, onClick) { return button("pill", text, onClick); }
