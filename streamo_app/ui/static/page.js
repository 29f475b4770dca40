// The page's entry: sets every part up, and draws each view that the server sends. js_on_load.js imports it inside the
// gr.HTML that holds the right column. Actions go to the server as that component's "act" events, reports with Gradio's
// timer; both are answered with a view (ui/visitor/view.py).

import { drawCaptionVideo, setUpCaptionVideo } from "./caption_video.js";
import { drawControls } from "./controls.js";
import { $, until } from "./dom.js";
import { onAskAnswered, setUpInstructions } from "./instructions.js";
import { drawLanes, onFollowAnswered, resetLanes } from "./lanes.js";
import { drawMicrophone, readRecognition, setUpMicrophone } from "./microphone.js";
import { drawNumbers, resetNumbers, setUpNumbers } from "./numbers.js";
import { drawPast, setUpPast } from "./past.js";
import { drawReadAloud, queueRows, resetReadAloud, setUpReadAloud } from "./read_aloud.js";
import { closeSources, onStartAnswered, reattach, setUpRun } from "./run.js";
import { drawSave, setUpSaveMenu } from "./save.js";
import { act, answered, connect, report } from "./server.js";
import { drawSettings, setUpSettings } from "./settings.js";
import { choose, drawStage, setUpStage } from "./stage.js";
import { config, page, recallSession, rememberSession, saved } from "./state.js";
import { drawStrips, resetTimeline, setUpTimeline } from "./timeline.js";
import { drawFilter, drawRows, resetTranscript, setUpTranscript } from "./transcript.js";

const MOUNTED = ["player", "clips", "go", "message", "numbers", "stage", "upload", "past", "settings-panel"];

// `send`: gives an action to the server; `props` and `watch`: what gr.HTML gives its js_on_load.
export async function start({ send, props, watch }) {
  Object.assign(config, props.settings);
  page.clip = config.clips[0]?.name || "";
  connect(send);
  recallSession();
  // Gradio mounts the other parts of the page in any order.
  await until(() => MOUNTED.every($) && document.querySelector("input[name=choice]"), 60);
  setUpInstructions();
  setUpTranscript();
  setUpStage();
  setUpNumbers();
  setUpRun();
  setUpSettings();
  setUpPast();
  setUpSaveMenu();
  setUpCaptionVideo();
  setUpReadAloud();
  setUpMicrophone();
  setUpTimeline();
  watch("value", () => draw(props.value));
  // What Gradio's own events call (the `js=` of page.py).
  window.streamo = { act, report: () => JSON.stringify(report()) };
}

function draw(view) {
  if (view?.id === undefined) return;
  // A server that was started again counts from the start: everything is asked for once more.
  if (page.boot && view.id && view.keep.boot !== page.boot) {
    page.boot = view.keep.boot;
    reset(-1);
    return;
  }
  if (isOutdated(view)) return;
  const before = page.status, isFirst = before === "";
  if (view.run !== page.run) reset(view.run);
  if (view.after === 0) page.wantAll = false;
  const { id, seq, status, upload } = view;
  Object.assign(page, { id, seq, status, upload, boot: view.keep.boot || page.boot, view });
  rememberSession();
  if (isFirst && view.choice) choose(view.choice, view.clip);
  if (answered("start")) onStartAnswered(view);
  if (answered("ask")) onAskAnswered(view.answers.ask.refused);
  if (isFirst && status === "running") reattach(view);
  if (before === "running" && status !== "running") closeSources();
  if (answered("follow")) onFollowAnswered(view.answers.follow.refused);
  drawParts(view);
}

// Replies may overtake each other: one that is older than what is drawn would stop a camera that has just started.
function isOutdated(view) {
  return view.id === page.id && (view.run < page.run || (view.run === page.run && view.seq < page.seq));
}

function drawParts(view) {
  drawLanes(view.lanes);
  drawFilter();
  drawRows(view.rows);
  drawNumbers(view.numbers);
  drawStage();
  drawControls();
  drawStrips();
  drawSettings();
  drawSave();
  // A run that did not begin here came out of a journal: its clip is put on the stage.
  if (view.run !== saved.run && view.status !== "running" && view.choice) choose(view.choice, view.clip);
  saved.run = view.run;
  drawPast(view.keep);
  drawCaptionVideo(view.keep);
  queueRows(view);
  drawReadAloud(view);
  readRecognition(view);
  drawMicrophone();
}

// A new run counts its lanes, rows and seconds from the start again.
function reset(run) {
  resetLanes();
  resetTranscript();
  resetTimeline();
  resetNumbers();
  resetReadAloud();
  Object.assign(page, { run, seq: 0, picture: -1, wantAll: false });
}
