// The list of this browser's own past sessions: open, delete. The server looks names up in this owner's archive only.

import { $, button, clock, make, setText } from "./dom.js";
import { act } from "./server.js";
import { keepView, page, saved } from "./state.js";

const NOTHING_KEPT = "This server keeps no sessions: save the transcript before you leave.";
const NOTHING_YET = "Nothing yet. What you watch is listed here: text and numbers, no images.";

export function setUpPast() {
  const opener = button("tool", "Past sessions", openPast);
  opener.id = "past-open";
  $("past-close").addEventListener("click", () => $("past").close());
  $("past").addEventListener("click", (event) => { if (event.target === $("past")) $("past").close(); });
  $("transcript-tools").append(opener);
}

function openPast() {
  const { lasting } = keepView();
  $("past-list").replaceChildren();
  setText($("past-note"), lasting ? "Loading…" : NOTHING_KEPT);
  $("past").showModal();
  if (lasting) act({ do: "past" });
}

export function drawPast({ past, list }) {
  $("past-open").disabled = !page.id;
  if (!past || list === saved.list) return;
  saved.list = list;
  setText($("past-note"), past.length ? "" : NOTHING_YET);
  $("past-list").replaceChildren(...past.map(makeItem));
}

function makeItem(session) {
  const { instruction, instructions, name, running, source, trouble } = session;
  const item = make("li"), words = make("div", "past-words"), tools = make("div", "past-tools");
  const when = started(session);
  const summary = [when, trouble || counts(session), running ? "running now" : ""].filter(Boolean).join(" · ");
  words.append(make("p", "past-title", source || "A session"), make("p", "", summary));
  const others = instructions > 1 ? ` and ${instructions - 1} more` : "";
  if (instruction) words.append(make("p", "", `“${instruction}”${others}`));
  const label = `${source || "session"}, ${when}`;
  const open = () => { $("past").close(); act({ do: "reopen", name }); };
  if (!trouble && !running) tools.append(tool("Open", label, open));
  if (!running) tools.append(tool("Delete", label, () => confirmDelete(name, tools, label)));
  item.append(words, tools);
  return item;
}

const started = (session) =>
  session.started
    ? new Date(session.started).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" })
    : "";

const counts = ({ responses, seconds }) =>
  `${clock(seconds)} · ${responses} ${responses === 1 ? "response" : "responses"}`;

function confirmDelete(name, tools, label) {
  const before = [...tools.children];
  const no = tool("No", label, () => { tools.replaceChildren(...before); before.at(-1).focus(); });
  const yes = tool("Delete for good", label, () => {
    yes.disabled = true;
    act({ do: "delete", name });
    $("past-close").focus();
  });
  yes.classList.add("danger");
  tools.replaceChildren(yes, no);
  no.focus();
}

function tool(text, label, onClick) {
  const node = button("tool", text, onClick);
  node.setAttribute("aria-label", `${text}: ${label}`);
  return node;
}
