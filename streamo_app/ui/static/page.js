// The page's own state and its events; runs once, last of the scripts, inside the gr.HTML that holds the right column
// (element, trigger, props and watch are its gifts). The server is told through `trigger("act", {...})` and through the timer;
// both answer with a view (ui/render.py).

const config = props.settings;
const page = {
  id: "", boot: "", run: -1, seq: 0, status: "", view: null,
  picture: -1, shown: "", opening: false, choice: "samples", clip: config.clips[0]?.name || "", upload: "",
  sent: {},           // kind of action -> number of the last one that is not answered yet
  complaint: "",      // what went wrong on this side, in one sentence
  stale: "",          // what the server complained of before another source was chosen
  pending: "",        // the instruction on its way
  following: null,    // {lane, text} of the follow-up on its way
  whole: false,       // whether rows and cells are wanted anew, all of them
  from: 0,            // second of the file at which the last start began
  unplayable: "",     // address of a file that this browser cannot show
};
const drawn = { lanes: new Map(), rows: new Map(), chosen: 0, only: new Set() };

try { page.id = sessionStorage.getItem("streamo") || ""; } catch { /* a private window may have none: then a reload starts anew */ }

// What the server needs to know at each tick: who asks, what is drawn already, and where the player stands.
const report = () => ({ id: page.id, owner: keep.owner, past: keep.list, run: page.run, after: page.whole ? 0 : page.seq, second: page.whole ? -1 : newest(), picture: page.picture, ...playing() });
const newest = () => Math.max(-1, ...[...drawn.lanes.values()].map((lane) => Math.max(-1, ...lane.cells.keys())));
// Numbers of actions grow over reloads too: the server's last answers may be to the page before.
const act = (what) => { page.sent[what.do] = Math.max(Date.now(), (page.sent[what.do] || 0) + 1); trigger("act", { ...what, n: page.sent[what.do], page: report() }); };

function draw(view) {
  if (view?.id === undefined) return;
  // A server that was started again counts anew: all of it is asked for once more.
  if (page.boot && view.id && view.keep.boot !== page.boot) { page.boot = view.keep.boot; forget(-1); return; }
  // Replies may overtake each other: one that is older than what is drawn would stop a camera that has just started.
  if (view.id === page.id && (view.run < page.run || (view.run === page.run && view.seq < page.seq))) return;
  const was = page.status;
  if (view.run !== page.run) forget(view.run);
  if (view.after === 0) page.whole = false;
  Object.assign(page, { id: view.id, seq: view.seq, status: view.status, upload: view.upload, boot: view.keep.boot || page.boot, view });
  try { sessionStorage.setItem("streamo", view.id); } catch { /* as above */ }
  if (was === "" && view.choice) choose(view.choice, view.clip);
  if (answered("start")) started(view);
  if (answered("ask")) taken(view.answers.ask.refused);
  if (was === "" && view.status === "running") resume(view);
  if (was === "running" && view.status !== "running") halt();
  if (answered("follow")) followed(view.answers.follow.refused);
  drawLanes(view.lanes);
  drawFilter();
  drawRows(view.rows);
  drawNumbers(view.numbers);
  stage();
  controls();
  strips();
  each("draw", view);
}

// An answer stays in the views: the one that brought it may have been overtaken.
function answered(kind) {
  const done = Boolean(page.sent[kind] && page.view.answers?.[kind]?.n >= page.sent[kind]);
  if (done) delete page.sent[kind];
  return done;
}

// A new run counts its lanes, rows and seconds from the start again.
function forget(run) {
  reading.away = false;
  for (const lane of drawn.lanes.values()) lane.item.remove();
  for (const item of drawn.rows.values()) item.remove();
  drawn.lanes.clear();
  drawn.rows.clear();
  Object.assign(drawn, { chosen: 0, filter: "", axis: "" });
  drawn.only.clear();
  Object.assign(time, { until: null, cursor: null });
  $("tip").hidden = true;
  each("forget");
  Object.assign(page, { run, seq: 0, picture: -1, whole: false });
}

function controls() {
  const { view } = page, running = page.status === "running", busy = Boolean(page.opening || page.sent.start), locked = running || busy;
  const words = { idle: "Ready", running: controlled().paused ? "Paused" : "Running", ended: "Ended", failed: "Failed" };
  $("state").className = `state ${page.status}${controlled().paused ? " paused" : ""}`;
  write($("state-word"), page.id ? words[page.status] : "Waiting for a seat");
  const paused = running && page.shown === "player" && playing().paused && !playing().ended;
  write($("state-more"), (view.decided ? clock(view.second) : "") + (paused ? " · video paused" : ""));
  write($("go"), busy ? "Starting…" : running ? "Stop" : "Start");
  $("go").classList.toggle("running", running);
  $("go").disabled = !page.id || busy;
  $("ask-add").disabled = !page.id;
  drawChips();
  drawScale();
  for (const control of [...document.querySelectorAll("input[name=choice]"), ...$("clips").children, $("another")]) control.disabled = locked;
  drawBar();
  say();
}

function say(sentence) {
  if (sentence !== undefined) page.complaint = sentence;
  const said = page.view?.message || "", words = (said !== page.stale && said) || page.complaint;
  write($("message"), words);
  $("message").classList.toggle("wrong", !page.view?.notice);
  $("message").hidden = !words;
}

// ---- once, when the other parts of the page stand: Gradio mounts them in any order

async function begin() {
  await until(() => ["player", "clips", "go", "message", "numbers", "stage", "upload", "past", "settings-panel"].every($) && document.querySelector("input[name=choice]"), 60);
  $("ask").addEventListener("submit", (event) => { event.preventDefault(); ask($("ask-text").value); });
  fillScales();
  $("rows").addEventListener("scroll", heedScroll);
  $("go").addEventListener("click", go);
  for (const how of ["change", "drop"]) $("upload").addEventListener(how, refuse, true);
  $("another").addEventListener("click", () => act({ do: "forget upload" }));
  for (const input of document.querySelectorAll("input[name=choice]")) input.addEventListener("change", () => { page.stale = page.view?.message || ""; choose(input.value); });
  for (const clip of config.clips) {
    const button = pill(clip.title, () => choose("samples", clip.name));
    button.dataset.name = clip.name;
    $("clips").append(button);
  }
  choose(config.clips.length ? "samples" : "upload");
  each("begin");
  for (const how of ["seeked", "timeupdate"]) $("player").addEventListener(how, strips);
  window.addEventListener("resize", strips);
  $("lanes").addEventListener("scroll", () => { $("tip").hidden = true; });
  watch("value", () => draw(props.value));
  window.streamo = { act, report: () => JSON.stringify(report()) };
}
begin();
