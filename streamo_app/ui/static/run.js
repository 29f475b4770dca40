// Start, Stop, Pause and Restart, and what a source needs before and after.

import { closeCamera, openCamera } from "./camera.js";
import { keepsVideo } from "./caption_video.js";
import { drawControls, filePosition, pausesPlayer } from "./controls.js";
import { $, make } from "./dom.js";
import { showMessage } from "./message.js";
import { load, playFrom } from "./player.js";
import { act } from "./server.js";
import { fileUrl, sourceFields } from "./source.js";
import { config, controlView, page } from "./state.js";

const START_TIMEOUT_MS = 30000;

export function setUpRun() {
  $("go").addEventListener("click", startOrStop);
  $("pause").addEventListener("click", togglePause);
  $("restart").addEventListener("click", () => { page.stale = ""; showMessage(""); start(filePosition()); });
  $("address").addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !$("go").disabled) startOrStop();
  });
  for (const [number, name] of config.cameras) {
    const option = make("option", "", name);
    option.value = number;
    $("which-camera").append(option);
  }
  for (const event of ["play", "pause", "ended", "seeked"]) {
    $("player").addEventListener(event, () => { if (page.view) drawControls(); });
  }
}

async function startOrStop() {
  page.stale = "";
  showMessage("");
  if (page.status === "running") {
    act({ do: "stop" });
    closeSources();
    return;
  }
  await start(0);
}

// `from`: second at which a file begins.
async function start(from) {
  page.opening = true;
  page.from = from;
  drawControls();
  const [how, problem] = await prepare(from);
  page.opening = false;
  if (problem) showMessage(problem);
  else {
    const { choice, clip } = page;
    page.asked = $("ask-text").value;
    act({ do: "start", choice, clip, how, from, text: page.asked, keep: keepsVideo(), ...sourceFields() });
    setTimeout(giveUpStart, START_TIMEOUT_MS);
  }
  drawControls();
}

function giveUpStart() {
  if (!page.sent.start) return;
  delete page.sent.start;
  showMessage("The server did not respond; try again.");
  drawControls();
}

// [how a file is to be watched: "player" or "decode"; what went wrong, in one sentence]
async function prepare(from) {
  if (page.choice === "webcam") return ["", await openCamera()];
  if (page.choice === "camera") return ["", ""];
  if (page.choice === "address") {
    return ["", sourceFields().address || controlView().address ? "" : "Type the address of a stream first."];
  }
  if (!fileUrl()) return ["", "Choose a video file first."];
  if (!(await load(fileUrl()))) return ["decode", ""];
  $("player").pause();
  $("player").currentTime = from;  // a player that still stands at the end would end the new run at once
  return ["player", ""];
}

export function onStartAnswered(view) {
  if (view.status !== "running") {
    closeSources();
    return;
  }
  if ($("ask-text").value === page.asked) $("ask-text").value = "";  // else the next one is being typed already
  if (view.show === "player") playFrom(page.from);
}

// After a reload the session is still there: give it its player or its camera back.
export async function reattach(view) {
  if (view.show === "player" && (await load(fileUrl()))) playFrom(view.second);
  if (view.show === "webcam") showMessage(await openCamera());
}

export function closeSources() {
  closeCamera();
  $("player").pause();
}

function togglePause() {
  const player = $("player");
  if (!pausesPlayer()) act({ do: controlView().paused ? "resume" : "pause" });
  else if (player.paused) player.play().catch((error) => console.warn("the player did not resume:", error));
  else player.pause();
}
