// What every other script of the page builds on. Whatever users and models wrote goes through textContent: gr.HTML's own templates
// would run "${...}" in it as JavaScript (they compile their result as a template literal), so nothing of a view goes into one.

// Parts of the page that come with a file of their own hook in here: parts.push({ begin(), draw(view), lane(item, view), forget() }),
// each of them optional. `begin` runs once when the page stands, `draw` with every view, `lane` with every view of an open lane
// (`item.tools` is where its buttons go), `forget` when a new run begins.
const parts = [];
const each = (hook, ...given) => { for (const part of parts) part[hook]?.(...given); };

const $ = (id) => document.getElementById(id);

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

function pill(text, onClick) {
  const button = make("button", "pill", text);
  button.type = "button";
  button.addEventListener("click", onClick);
  return button;
}
