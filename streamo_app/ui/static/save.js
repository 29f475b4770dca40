// The Save menu in the head of the transcript. Files come over a route of their own (ui/download.py): the ids travel in
// the body, and no file lies where somebody else could find it.

import { $, button, dateStamp, make } from "./dom.js";
import { showMessage } from "./message.js";
import { keepView, page, saved } from "./state.js";

const FORMATS = {
  srt: "Subtitles (SRT)",
  vtt: "Subtitles (WebVTT)",
  md: "Text (Markdown)",
  jsonl: "Every second (JSON Lines)",
};
const NO_ANSWER = "The server is not responding; try again in a moment.";

// "midday-2026-11-25-1430.srt"
function fileName(form, { source, started }) {
  const name = (source || "").replace(/\.[a-z0-9]{2,4}$/i, "").replace(/[^\p{L}\p{N}]+/gu, "-");
  const stem = name.replace(/^-+|-+$/g, "").slice(0, 60) || "streamo";
  return `${stem}-${dateStamp(new Date(started || Date.now()))}.${form}`;
}

// `run`: {source, started} of what is saved.
export async function save(form, run = { source: page.view.source, started: keepView().started }) {
  const name = fileName(form, run);
  showMessage("");
  try {
    const reply = await fetch(new URL("streamo/save", document.baseURI), {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ id: page.id, owner: saved.owner, form }),
    });
    if (!reply.ok) {
      const isSentence = reply.headers.get("Content-Type")?.startsWith("text/plain");
      showMessage(isSentence ? await reply.text() : NO_ANSWER);
      return;
    }
    download(await reply.blob(), name);
  } catch { showMessage(NO_ANSWER); }
}

function download(blob, name) {
  const link = make("a"), url = URL.createObjectURL(blob);
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60000);
}

// ---- the menu: a popover, so that Esc and a click elsewhere close it and nothing clips it

export function setUpSaveMenu() {
  const opener = button("tool", "Save"), menu = $("save-menu");
  opener.id = "save";
  opener.setAttribute("aria-haspopup", "menu");
  opener.setAttribute("aria-expanded", "false");
  opener.popoverTargetElement = menu;
  for (const [form, label] of Object.entries(FORMATS)) menu.append(menuItem(form, label, () => save(form)));
  menu.addEventListener("beforetoggle", (event) => { if (event.newState === "open") placeMenu(menu, opener); });
  menu.addEventListener("toggle", (event) => {
    const open = event.newState === "open";
    opener.setAttribute("aria-expanded", String(open));
    if (open) menu.querySelector("button:enabled")?.focus();
  });
  menu.addEventListener("keydown", moveFocus);
  $("transcript-tools").append(opener);
}

export function menuItem(form, label, onPick) {
  const item = button("", label, () => { $("save-menu").hidePopover(); onPick(); });
  item.dataset.form = form;
  item.setAttribute("role", "menuitem");
  return item;
}

function placeMenu(menu, opener) {
  const box = opener.getBoundingClientRect();
  menu.style.top = `${Math.min(box.bottom + 6, window.innerHeight - 260)}px`;
  menu.style.right = `${Math.max(8, document.documentElement.clientWidth - box.right)}px`;
}

function moveFocus(event) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  const items = [...$("save-menu").querySelectorAll("button:enabled")];
  items[(items.indexOf(document.activeElement) + step + items.length) % items.length]?.focus();
}

export function drawSave() { $("save").disabled = !(page.id && page.view?.decided); }
