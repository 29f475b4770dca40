// How the buttons, fields and words under the stage look in the present state. What they do is in run.js.

import { $, clock, setText } from "./dom.js";
import { drawOpenSuggestions } from "./instructions.js";
import { showMessage } from "./message.js";
import { playing } from "./player.js";
import { fileUrl, isFile } from "./source.js";
import { config, controlView, page } from "./state.js";
import { drawScale } from "./timeline.js";

const STATUS_WORDS = { idle: "Ready", running: "Running", ended: "Ended", failed: "Failed" };

// Whether Pause is the player's own, and not the server's.
export const pausesPlayer = () => page.shown === "player" && !controlView().holds;

// Second at which a file stands: in the player, or the one that the server decoded last.
export const filePosition = () => (page.shown === "player" ? playing().t : page.view?.second || 0);

const isBusy = () => Boolean(page.opening || page.sent.start);

export function drawControls() {
  const running = page.status === "running", busy = isBusy(), { paused } = controlView();
  $("state").className = `state ${page.status}${paused ? " paused" : ""}`;
  const status = running && paused ? "Paused" : STATUS_WORDS[page.status];
  setText($("state-word"), page.id ? status : "Waiting for a seat");
  const playerPaused = running && page.shown === "player" && playing().paused && !playing().ended;
  const second = page.view.decided ? clock(page.view.second) : "";
  setText($("state-more"), `${second}${playerPaused ? " · video paused" : ""}`);
  setText($("go"), busy ? "Starting…" : running ? "Stop" : "Start");
  $("go").classList.toggle("running", running);
  $("go").disabled = !page.id || busy;
  $("ask-add").disabled = !page.id;
  drawOpenSuggestions();
  drawScale();
  const sources = document.querySelectorAll("input[name=choice]");
  for (const control of [...sources, ...$("clips").children, $("another")]) control.disabled = running || busy;
  drawBar();
  showMessage();
}

function drawBar() {
  const running = page.status === "running", busy = isBusy(), { address, model, paused } = controlView();
  const stopped = running && (pausesPlayer() ? playing().paused : paused);
  $("pause").hidden = !running || busy || (pausesPlayer() && playing().ended);
  setText($("pause"), stopped ? "Resume" : "Pause");
  const nowhere = !running && (page.shown !== "player" || playing().ended);
  $("restart").hidden = busy || !isFile() || !fileUrl() || filePosition() < 1 || nowhere;
  setText($("restart"), running ? "Restart from here" : "Start from here");
  $("restart").title = "Starts again at this second with the same instructions; what was seen so far is forgotten";
  $("address-row").hidden = page.choice !== "address";
  $("camera-row").hidden = page.choice !== "camera" || config.cameras.length < 2;
  $("address").disabled = $("which-camera").disabled = running || busy;
  $("address").placeholder = address
    ? `${address} again`
    : "rtsp://192.168.1.20/stream or https://example.org/video.mp4";
  const limits = page.choice !== "samples" && model?.built_in ? config.limits : "";
  setText($("about"), `${config.about[page.choice] || ""} ${limits}`.trim());
}
