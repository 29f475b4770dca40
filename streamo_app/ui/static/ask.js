// The box in which instructions are typed, and the suggestions under it.

function ask(text) {
  if (!page.id) return;
  page.pending = text;
  page.complaint = page.stale = "";
  act({ do: "ask", text, lane: page.target });
}

// Taken, the box empties; refused, the words stay where they were and the reason stands below.
function taken(refused) {
  if (refused) return;
  if ($("ask-text").value === page.pending) $("ask-text").value = "";
  follow(null);
}

// `lane` null: what is typed is a new wish again.
function follow(lane, text) {
  page.target = lane;
  write($("ask-label"), lane ? `Follow up on “${text}”` : "What should it watch for?");
  for (const [number, { item }] of drawn.lanes) item.follow.setAttribute("aria-pressed", String(number === lane));
  if (lane) $("ask-text").focus();
}

function chips() {
  const clip = config.clips.find((one) => one.name === page.clip);
  const wanted = page.choice === "samples" && clip ? clip.ask : config.suggest;
  $("chips").replaceChildren(...wanted.map((text) => pill(text, () => ask(text))));
}
