// The list of this browser's own past sessions: open, delete. The server looks names up on this owner's shelf only.

const NOTHING_KEPT = "This server keeps no sessions: save the transcript before you leave.";
const NOTHING_YET = "Nothing yet. What you watch is listed here: words and numbers, no pictures.";

function pastButton() {
  const button = make("button", "tool", "Past sessions");
  button.type = "button";
  button.id = "past-open";
  button.addEventListener("click", openPast);
  $("past-close").addEventListener("click", () => $("past").close());
  $("past").addEventListener("click", (event) => { if (event.target === $("past")) $("past").close(); });
  return button;
}

function openPast() {
  const kept = saved().lasting;
  $("past-list").replaceChildren();
  write($("past-note"), kept ? "Looking…" : NOTHING_KEPT);
  $("past").showModal();
  if (kept) act({ do: "past" });
}

function drawPast(kept) {
  $("past-open").disabled = !page.id;
  if (!kept?.past || kept.list === keep.list) return;
  keep.list = kept.list;
  write($("past-note"), kept.past.length ? "" : NOTHING_YET);
  $("past-list").replaceChildren(...kept.past.map(pastItem));
}

function pastItem(one) {
  const item = make("li"), words = make("div", "past-words"), tools = make("div", "past-tools");
  const when = one.started ? new Date(one.started).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" }) : "";
  const counts = `${clock(one.seconds)} · ${one.responses} ${one.responses === 1 ? "response" : "responses"}`;
  const more = one.instructions > 1 ? ` and ${one.instructions - 1} more` : "";
  const title = make("p", "past-title", one.source || "A session");
  words.append(title, make("p", "", [when, one.trouble || counts, one.running ? "running now" : ""].filter(Boolean).join(" · ")));
  if (one.instruction) words.append(make("p", "", `“${one.instruction}”${more}`));
  const label = `${one.source || "session"}, ${when}`;
  if (!one.trouble && !one.running) tools.append(pastTool("Open", label, () => { $("past").close(); act({ do: "reopen", name: one.name }); }));
  if (!one.running) tools.append(pastTool("Delete", label, () => sure(one, tools, label)));
  item.append(words, tools);
  return item;
}

function sure(one, tools, label) {
  const before = [...tools.children];
  const no = pastTool("No", label, () => { tools.replaceChildren(...before); before.at(-1).focus(); });
  const yes = pastTool("Delete for good", label, () => { yes.disabled = true; act({ do: "delete", name: one.name }); $("past-close").focus(); });
  yes.classList.add("danger");
  tools.replaceChildren(yes, no);
  no.focus();
}

function pastTool(text, label, onClick) {
  const button = make("button", "tool", text);
  button.type = "button";
  button.setAttribute("aria-label", `${text}: ${label}`);
  button.addEventListener("click", onClick);
  return button;
}
