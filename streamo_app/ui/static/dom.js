// Helpers for the document, and how numbers and colours are written. Whatever users and models wrote goes through
// textContent: gr.HTML's own templates would run "${...}" in it as JavaScript, so no text of a view goes into one.

export const $ = (id) => document.getElementById(id);

export const STATES = ["silence", "standby", "response"];
export const STATE_WORDS = { silence: "silent", standby: "stands by", response: "responds" };
export const ICONS = {
  bell: "M5 11.5V7.5a3 3 0 0 1 6 0v4M3.5 11.5h9M7 13.5h2",
  muted: "M5 11.5V7.5a3 3 0 0 1 6 0v4M3.5 11.5h9M7 13.5h2M2.5 2.5l11 11",
  remove: "M4 4l8 8M12 4l-8 8",
};

export function make(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}

export function svg(tag, attributes = {}) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const name in attributes) node.setAttribute(name, attributes[name]);
  return node;
}

export function button(className, text, onClick) {
  const node = make("button", className, text);
  node.type = "button";
  if (onClick) node.addEventListener("click", onClick);
  return node;
}

// A button that shows one of ICONS; its label is also its tooltip.
export function iconButton(icon, label, onClick) {
  const node = button("icon", undefined, onClick);
  const drawing = svg("svg", { viewBox: "0 0 16 16", "aria-hidden": "true" });
  drawing.append(svg("path", { d: ICONS[icon] }));
  node.append(drawing);
  setLabel(node, label);
  return node;
}

export const pill = (text, onClick) => button("pill", text, onClick);

// The setters write only what differs: the page is redrawn twice a second, and must not be laid out again for nothing.
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

export function setAttribute(node, attribute, value) {
  if (node.getAttribute(attribute) !== String(value)) node.setAttribute(attribute, value);
}

export function setLabel(node, label) {
  if (node.title === label) return;
  node.title = label;
  node.setAttribute("aria-label", label);
}

const twoDigits = (number) => String(number).padStart(2, "0");

// Seconds as "0:05", "12:40" or "1:00:00".
export function clock(seconds) {
  const whole = Math.floor(seconds), minutes = Math.floor(whole / 60);
  if (whole < 3600) return `${minutes}:${twoDigits(whole % 60)}`;
  return `${Math.floor(whole / 3600)}:${twoDigits(minutes % 60)}:${twoDigits(whole % 60)}`;
}

// A moment for a file name, in the visitor's own time zone: "2026-11-25-1430".
export function dateStamp(moment) {
  const day = [moment.getFullYear(), twoDigits(moment.getMonth() + 1), twoDigits(moment.getDate())].join("-");
  return `${day}-${twoDigits(moment.getHours())}${twoDigits(moment.getMinutes())}`;
}

export const percent = (share) => `${Math.round(100 * share)} %`;
export const hue = (lane) => (lane ? `var(--lane-${((lane - 1) % 8) + 1})` : "var(--faint)");

// The first truthy result of `find`, tried every 50 ms; null after `seconds`.
export async function until(find, seconds) {
  for (let tries = 0; tries < seconds * 20; tries++) {
    const found = find();
    if (found) return found;
    await new Promise((done) => setTimeout(done, 50));
  }
  return null;
}
