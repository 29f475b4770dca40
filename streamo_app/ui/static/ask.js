// The box in which instructions are typed, each a lane of its own, and the suggestions under it.

function ask(text) {
  if (!page.id) return;
  page.pending = text;
  page.complaint = page.stale = "";
  act({ do: "ask", text });
}

// Taken, the box empties; refused, the words stay where they were and the reason stands below.
function taken(refused) { if (!refused && $("ask-text").value === page.pending) $("ask-text").value = ""; }

// Suggestions that fit: a sample clip has its own, another source those for its kind and the kind of model.
function suggestions() {
  const clip = config.clips.find((one) => one.name === page.clip), kinds = page.view?.control.model && !page.view.control.model.built_in ? config.suggest.any : config.suggest.built_in;
  return page.choice === "samples" && clip ? clip.ask : kinds[page.choice] || kinds.other;
}

function chips() {
  const wanted = suggestions();
  if (wanted.join("\n") === page.suggested) return;
  page.suggested = wanted.join("\n");
  $("chips").replaceChildren(...wanted.map((text) => pill(text, () => ask(text))));
}

function drawChips() {
  chips();
  const standing = page.view.lanes.filter((lane) => lane.open).map((lane) => lane.text);
  for (const chip of $("chips").children) {
    chip.disabled = !page.id;
    chip.hidden = standing.includes(chip.textContent);
  }
}
