// Start, Stop and Restart, and what a source needs before and after.

const START_PATIENCE_MS = 30000;

async function go() {
  page.stale = "";
  say("");
  if (page.status === "running") { act({ do: "stop" }); halt(); return; }
  await start(0);
}

// `from`: second at which a file begins.
async function start(from) {
  page.opening = true;
  page.from = from;
  controls();
  const [how, wrong] = await prepare(from);
  page.opening = false;
  if (wrong) say(wrong);
  else {
    page.asked = $("ask-text").value;
    act({ do: "start", choice: page.choice, clip: page.clip, how, from, text: page.asked, keep: keepVideo(), ...extras() });
    setTimeout(() => { if (page.sent.start) { delete page.sent.start; say("The server did not answer; try again."); controls(); } }, START_PATIENCE_MS);
  }
  controls();
}

// [how the file is to be watched, what went wrong in one sentence]
async function prepare(from) {
  if (page.choice === "webcam") return ["", await openCamera()];
  if (page.choice === "camera") return ["", ""];
  if (page.choice === "address") return ["", extras().address || controlled().address ? "" : "Type the address of a stream first."];
  if (!source()) return ["", "Choose a video file first."];
  if (!(await load(source()))) return ["decode", ""];
  $("player").pause();
  $("player").currentTime = from;  // a player that still stands at the end would end the new run at once
  return ["player", ""];
}

function started(view) {
  if (view.status !== "running") { halt(); return; }
  if ($("ask-text").value === page.asked) $("ask-text").value = "";  // else the next one is being typed already
  if (view.show === "player") roll(page.from);
}

// After a reload the session is still there: give it its player or its camera back.
async function resume(view) {
  if (view.show === "player" && (await load(source()))) roll(view.second);
  if (view.show === "webcam") say(await openCamera());
}

function halt() { closeCamera(); $("player").pause(); }
