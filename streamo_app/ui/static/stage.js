// Choosing a source, and what the stage shows of it.

import { NO_CAMERA_HERE } from "./camera.js";
import { drawControls } from "./controls.js";
import { $, pill, setText } from "./dom.js";
import { drawSuggestions } from "./instructions.js";
import { showMessage } from "./message.js";
import { load } from "./player.js";
import { act } from "./server.js";
import { fileUrl, isRunOfChoice } from "./source.js";
import { config, page } from "./state.js";

export function setUpStage() {
  for (const event of ["change", "drop"]) $("upload").addEventListener(event, checkFileType, true);
  $("another").addEventListener("click", () => act({ do: "forget upload" }));
  for (const input of document.querySelectorAll("input[name=choice]")) {
    input.addEventListener("change", () => {
      page.stale = page.view?.message || "";
      choose(input.value);
    });
  }
  for (const clip of config.clips) {
    const node = pill(clip.title, () => choose("samples", clip.name));
    node.dataset.name = clip.name;
    $("clips").append(node);
  }
  choose(config.clips.length ? "samples" : "upload");
}

export function choose(choice, clip) {
  page.choice = choice;
  if (clip) page.clip = clip;
  document.querySelector(`input[name=choice][value=${choice}]`).checked = true;
  for (const one of $("clips").children) one.setAttribute("aria-pressed", String(one.dataset.name === page.clip));
  $("clips").hidden = choice !== "samples";
  if (page.view) drawControls();
  else drawSuggestions();
  showMessage(choice === "webcam" && !navigator.mediaDevices ? NO_CAMERA_HERE : "");
  drawStage();
}

// The stage shows one of: the player, a frame decoded by the server (preview), the webcam, the drop zone (upload), or a
// sentence (hint).
export function drawStage() {
  const { view } = page, url = fileUrl(), unplayable = url && url === page.unplayable;
  const own = isRunOfChoice(view);
  if (own && view.preview) {
    $("preview").src = view.preview;
    page.picture = view.picture;
  }
  const show = own && view.show === "preview" && page.picture >= 0 ? "preview" : idleStage(url, unplayable);
  if (show !== page.shown) {
    if (page.shown) $("stage").classList.remove(`on-${page.shown}`);
    $("stage").classList.add(`on-${show}`);
    page.shown = show;
  }
  $("another").hidden = page.choice !== "upload" || !url;
  setText($("stage-hint"), stageHint(unplayable));
  if (show === "player" && $("player").dataset.url !== url) loadPlayer(url);
}

function idleStage(url, unplayable) {
  if (page.choice === "samples") return "player";
  if (page.choice === "webcam") return "webcam";
  if (page.choice !== "upload") return "hint";
  if (!url) return "upload";
  return unplayable ? "hint" : "player";
}

async function loadPlayer(url) {
  if ((await load(url)) || url !== fileUrl()) return;
  page.unplayable = url;
  drawStage();
}

function stageHint(unplayable) {
  if (unplayable) return "This browser cannot show the file. Streamo will try to decode it: press Start.";
  const running = page.status === "running";
  if (page.choice === "address") {
    return running ? "Waiting for the first frame…" : "Type the address of a stream below and press Start.";
  }
  return running ? "Opening the camera of this machine…" : "Press Start to open the camera of this machine.";
}

// gr.File drops what the browser does not call a video, and says nothing.
function checkFileType(event) {
  const file = (event.dataTransfer || event.target).files?.[0];
  if (!file) return;
  const isVideo = file.type.startsWith("video/");
  showMessage(isVideo ? "" : `'${file.name}' is not a video; MP4, WebM, MKV, MOV and AVI files can be watched.`);
}
