// The box in which instructions are typed, each of which opens a lane, and the suggestions under it.

import { $, pill } from "./dom.js";
import { clearMessage } from "./message.js";
import { act } from "./server.js";
import { config, controlView, page } from "./state.js";

let suggested = "";  // the suggestions drawn last

export function setUpInstructions() {
  $("ask").addEventListener("submit", (event) => { event.preventDefault(); ask($("ask-text").value); });
}

function ask(text) {
  if (!page.id) return;
  page.pending = text;
  clearMessage();
  act({ do: "ask", text });
}

// Accepted, the box empties; refused, the text stays where it was and the reason stands below.
export function onAskAnswered(refused) {
  if (!refused && $("ask-text").value === page.pending) $("ask-text").value = "";
}

// A sample clip has suggestions of its own, another source those for its kind and the kind of model.
function suggestions() {
  const clip = config.clips.find((one) => one.name === page.clip);
  if (page.choice === "samples" && clip) return clip.ask;
  const { model } = controlView();
  const kinds = model && !model.built_in ? config.suggest.any : config.suggest.built_in;
  return kinds[page.choice] || kinds.other;
}

export function drawSuggestions() {
  const wanted = suggestions();
  if (wanted.join("\n") === suggested) return;
  suggested = wanted.join("\n");
  $("chips").replaceChildren(...wanted.map((text) => pill(text, () => ask(text))));
}

// Of the suggestions, those that no open lane watches for.
export function drawOpenSuggestions() {
  drawSuggestions();
  const watched = page.view.lanes.filter((lane) => lane.open).map((lane) => lane.text);
  for (const chip of $("chips").children) {
    chip.disabled = !page.id;
    chip.hidden = watched.includes(chip.textContent);
  }
}
