// The video with captions: asked for in the Save menu, made by the server, its progress shown under the head of the
// transcript. And the checkbox that keeps a camera's frames for it; without it no frame is ever kept.

import { $, button, make, setText } from "./dom.js";
import { act, answered } from "./server.js";
import { menuItem, save } from "./save.js";
import { isFile } from "./source.js";
import { page } from "./state.js";

let saveWhenDone = false;  // whether the video that is being made was asked for on this page

export function setUpCaptionVideo() {
  const item = menuItem("webm", "Video with captions (WebM)", () => act({ do: "captions" }));
  item.append(make("small"));
  $("save-menu").append(item);
  $("transcript-panel").append(makePanel());
  $("bar-panel").append(makeKeepBox());
  document.addEventListener("change", (event) => { if (event.target.name === "choice") drawKeepBox(); });
  drawKeepBox();
}

function makePanel() {
  const panel = make("div", "film"), words = make("p"), bar = make("progress"), tools = make("div", "film-tools");
  panel.id = "film";
  panel.hidden = true;
  words.setAttribute("role", "status");
  bar.max = 1;
  bar.setAttribute("aria-label", "Progress of the video with captions");
  panel.save = button("tool", "Save", () => save("webm", page.view.keep.job));
  panel.drop = button("tool", "Cancel", () => act({ do: "no captions" }));
  tools.append(panel.save, panel.drop);
  panel.append(words, bar, tools);
  Object.assign(panel, { words, bar });
  return panel;
}

// `keep`: the view's part about what is saved. keep.job: the making of the video; keep.film: why there can be none.
export function drawCaptionVideo(keep) {
  const item = $("save-menu").querySelector("[data-form=webm]"), { job } = keep;
  if (answered("captions")) saveWhenDone = !page.view.answers.captions.refused;
  const busy = Boolean(job && ["waiting", "making"].includes(job.state));
  setText(item.lastChild, busy ? "In progress" : keep.film || "");
  item.disabled = busy || Boolean(keep.film);
  drawPanel(job, busy);
  if (saveWhenDone && job && job.state !== "cancelled" && !busy) {
    saveWhenDone = false;
    if (job.state === "done") save("webm", job);
  }
  drawKeepBox();
}

function drawPanel(job, busy) {
  const panel = $("film");
  panel.hidden = !job || job.state === "cancelled";
  if (panel.hidden) return;
  setText(panel.words, progressText(job));
  panel.classList.toggle("wrong", job.state === "failed");
  panel.bar.hidden = !busy;
  panel.bar.value = job.share;
  panel.save.hidden = job.state !== "done";
  setText(panel.drop, busy ? "Cancel" : "Close");
}

function progressText({ state, share, sentence }) {
  if (state === "waiting") return "The video with captions is waiting for its turn…";
  if (state === "making") return `Making the video with captions… ${Math.round(100 * share)} %`;
  if (state === "done") return `The video with captions is ready.${sentence ? ` ${sentence}` : ""}`;
  return sentence;
}

// ---- keeping a camera's frames

function makeKeepBox() {
  const label = make("label", "keep-video"), box = make("input");
  box.type = "checkbox";
  box.id = "keep-video";
  label.append(box, make("span", "", "Keep the video, so that it can be saved with captions; deleted when you leave"));
  return label;
}

function drawKeepBox() {
  $("keep-video").closest("label").hidden = isFile();
  $("keep-video").disabled = page.status === "running";
}

export const keepsVideo = () => $("keep-video").checked && !$("keep-video").closest("label").hidden;
