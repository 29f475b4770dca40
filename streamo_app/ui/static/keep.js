// What a visitor keeps: the Save menu in the head of the transcript. The list of past sessions is in past.js.
// Texts come over a route of their own (ui/save.py): the ids travel in the body, and no file lies anywhere for somebody else to find.

const FORMS = { srt: "Subtitles (SRT)", vtt: "Subtitles (WebVTT)", md: "Text (Markdown)", jsonl: "Every second (JSON Lines)" };
const NO_ANSWER = "The server does not answer; try again in a moment.";
const keep = { owner: ownerId(), run: -1, list: 0 };

// Stands for this browser, to whom its sessions belong; 192 random bits. A browser that stores nothing has none, and nothing is kept for it.
function ownerId() {
  try {
    const known = localStorage.getItem("streamo-owner");
    if (/^[\w-]{32}$/.test(known || "")) return known;
    const made = btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(24)))).replaceAll("+", "-").replaceAll("/", "_");
    localStorage.setItem("streamo-owner", made);
    return made;
  } catch { return ""; }
}

const saved = () => page.view?.keep || {};
const somethingSaid = () => Boolean(page.id && page.view?.decided);

// "midday-2026-11-25-1430.srt", in the visitor's own time
function fileName(form, of) {
  const stem = (of.source || "").replace(/\.[a-z0-9]{2,4}$/i, "").replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-+|-+$/g, "").slice(0, 60);
  const at = new Date(of.started || Date.now()), two = (n) => String(n).padStart(2, "0");
  return `${stem || "streamo"}-${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}-${two(at.getHours())}${two(at.getMinutes())}.${form}`;
}

async function save(form, of = { source: page.view.source, started: saved().started }) {
  const name = fileName(form, of), headers = { "Content-Type": "application/json" };
  say("");
  try {
    const reply = await fetch(new URL("streamo/save", document.baseURI), { method: "POST", headers, body: JSON.stringify({ id: page.id, owner: keep.owner, form }) });
    if (!reply.ok) { say(reply.headers.get("Content-Type")?.startsWith("text/plain") ? await reply.text() : NO_ANSWER); return; }
    const link = make("a"), url = URL.createObjectURL(await reply.blob());
    link.href = url;
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(url), 60000);
  } catch { say(NO_ANSWER); }
}

// ---- the menu: a popover, so that Esc and a click elsewhere close it and nothing clips it

function saveMenu() {
  const button = make("button", "tool", "Save"), menu = $("save-menu");
  button.type = "button";
  button.id = "save";
  button.setAttribute("aria-haspopup", "menu");
  button.setAttribute("aria-expanded", "false");
  button.popoverTargetElement = menu;
  for (const [form, label] of Object.entries(FORMS)) menu.append(menuItem(form, label, () => save(form)));
  menu.addEventListener("beforetoggle", (event) => { if (event.newState === "open") place(menu, button); });
  menu.addEventListener("toggle", (event) => {
    button.setAttribute("aria-expanded", String(event.newState === "open"));
    if (event.newState === "open") menu.querySelector("button:enabled")?.focus();
  });
  menu.addEventListener("keydown", walk);
  return button;
}

function menuItem(name, label, onPick) {
  const item = make("button", "", label);
  item.type = "button";
  item.dataset.form = name;
  item.setAttribute("role", "menuitem");
  item.addEventListener("click", () => { $("save-menu").hidePopover(); onPick(); });
  return item;
}

function place(menu, button) {
  const box = button.getBoundingClientRect();
  menu.style.top = `${Math.min(box.bottom + 6, window.innerHeight - 260)}px`;
  menu.style.right = `${Math.max(8, document.documentElement.clientWidth - box.right)}px`;
}

function walk(event) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  const items = [...$("save-menu").querySelectorAll("button:enabled")];
  items[(items.indexOf(document.activeElement) + step + items.length) % items.length]?.focus();
}

parts.push({
  begin() { $("transcript-tools").append(pastButton(), saveMenu()); },
  draw(view) {
    $("save").disabled = !somethingSaid();
    // A run that did not begin here came out of a journal: its clip is put on the stage.
    if (view.run !== keep.run && view.status !== "running" && view.choice) choose(view.choice, view.clip);
    keep.run = view.run;
    drawPast(view.keep);
  },
});
