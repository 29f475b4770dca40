// Responses read aloud by the browser, lane by lane, and the switch of the machine's chime. Nothing here goes to the
// server but that switch. What was said before this page was loaded, in a muted lane, or in a lane that was not read
// aloud then, is never read.

import { $, button, make, until } from "./dom.js";
import { clearMessage, showMessage } from "./message.js";
import { act } from "./server.js";
import { config, drawn, page } from "./state.js";

const STORAGE_KEY = "streamo-voice", MAX_REMEMBERED = 50;
const MAX_WAITING = 3;       // the newest win: the queue must not fall minutes behind what is seen
const MAX_UTTERANCE_MS = 30000;  // an utterance that does not end by itself (some browsers do not report it) is cut
const RATES = [0.75, 1, 1.25, 1.5, 2];
const NO_VOICES = "This browser has no voices for reading aloud; install one for your system, or open the page in " +
  "another browser.";
const NOT_CLICKED = "Browsers speak only after a click on the page: click anywhere, and the next response is read " +
  "aloud.";
const SPEAKER = '<svg viewBox="0 0 20 20" aria-hidden="true"><path d="M3 8v4h3l4 3.5v-11L6 8z"/>' +
  '<path class="wave" d="M12.5 7.2a4 4 0 0 1 0 5.6M14.8 5a7 7 0 0 1 0 10"/></svg>';

const speech = {
  rate: 1, texts: [],        // remembered in this browser: speed, and the instructions whose lanes are read aloud
  newest: 0,                 // key of the newest row seen
  unfinished: new Set(),     // keys of rows seen that the model is still generating
  first: true, run: -1,      // whether the next view is this page's first
  waiting: [], current: null,
  timeout: 0,
};

export function setUpReadAloud() {
  Object.assign(speech, readPreferences());
  makeVoiceBar();
  $("chime").addEventListener("change", () => {
    clearMessage();
    act({ do: "chime", on: $("chime").checked });
  });
  $("chime-row").hidden = !config.voice.chime;
  window.addEventListener("pagehide", () => stopSpeaking());
}

function readPreferences() {
  let kept = null;
  try { kept = JSON.parse(localStorage.getItem(STORAGE_KEY)); } catch { /* nothing was stored, or nothing can be */ }
  const texts = Array.isArray(kept?.texts) ? kept.texts.filter((text) => typeof text === "string") : [];
  return { rate: RATES.includes(kept?.rate) ? kept.rate : 1, texts: texts.slice(-MAX_REMEMBERED) };
}

function storePreferences() {
  const { rate, texts } = speech;
  try {
    localStorage.setItem(STORAGE_KEY, JSON.stringify({ rate, texts }));
  } catch { /* a private window may store nothing */ }
}

// ---- which lanes are read aloud

// Voices come a moment after they were first asked for.
async function hasVoices() {
  const synthesis = window.speechSynthesis;
  return Boolean(synthesis && (await until(() => synthesis.getVoices().length, 1)));
}

const isRead = (lane) => speech.texts.includes(lane.text) && !lane.muted && lane.open;

async function toggle(lane, node) {
  if (speech.texts.includes(lane.text)) {
    speech.texts = speech.texts.filter((text) => text !== lane.text);
    stopSpeaking(lane.lane);
  } else if (!(await hasVoices())) {
    node.title = NO_VOICES;
    showMessage(NO_VOICES);
    return;
  } else {
    speech.texts = [...speech.texts, lane.text].slice(-MAX_REMEMBERED);
    if (page.complaint === NO_VOICES) showMessage("");
  }
  storePreferences();
  drawReadAloud(page.view);
}

export function addAloudButton(item) {
  item.aloud = button("icon aloud", undefined, () => toggle(item.voiced, item.aloud));
  item.aloud.innerHTML = SPEAKER;
  item.tools.append(item.aloud);
}

export function drawReadAloud(view) {
  for (const [number, { item }] of drawn.lanes) {
    const lane = view.lanes.find((one) => one.lane === number);
    if (!lane || !item.aloud) continue;
    const on = speech.texts.includes(lane.text);
    const title = on ? "Reading its responses aloud; press to stop" : "Read its responses aloud";
    item.voiced = lane;
    item.aloud.setAttribute("aria-pressed", String(on));
    item.aloud.setAttribute("aria-label", `Read aloud: ${lane.text}`);
    if (item.aloud.title !== NO_VOICES || on) item.aloud.title = title;
  }
  $("aloud-stop").disabled = !speech.current && !speech.waiting.length;
  $("chime").checked = view.voice.chime;
  $("voice-bar").hidden = !view.lanes.some(isRead);
}

function makeVoiceBar() {
  const bar = make("div", "voice-bar"), label = make("label", "", "Read aloud"), rate = make("select");
  bar.id = "voice-bar";
  bar.hidden = true;
  rate.id = "aloud-rate";
  rate.setAttribute("aria-label", "Reading speed");
  for (const value of RATES) {
    const selected = value === speech.rate;
    rate.append(new Option(`${value}×`, value, selected, selected));
  }
  rate.addEventListener("change", () => { speech.rate = Number(rate.value); storePreferences(); });
  label.append(rate);
  const stop = button("pill", "Stop speaking", () => stopSpeaking());
  stop.id = "aloud-stop";
  bar.append(label, stop);
  $("standing").append(bar);
}

// ---- speaking

// Of the rows in a view, those that are new and complete are queued, in the order of the transcript.
export function queueRows(view) {
  // Rows of a page just loaded, or of a past session just opened, are not new.
  const isOld = speech.first || (view.run !== speech.run && view.status !== "running");
  Object.assign(speech, { first: false, run: view.run });
  for (const row of view.rows) {
    const isNew = !isOld && (row.key > speech.newest || speech.unfinished.has(row.key));
    speech.newest = Math.max(speech.newest, row.key);
    if (row.kind !== "response" || !isNew) continue;
    if (row.partial) {
      speech.unfinished.add(row.key);
      continue;
    }
    speech.unfinished.delete(row.key);
    const lane = view.lanes.find((one) => one.lane === row.lane);
    if (lane && isRead(lane)) speech.waiting.push({ lane: row.lane, text: row.text });
  }
  if (speech.waiting.length > MAX_WAITING) speech.waiting.splice(0, speech.waiting.length - MAX_WAITING);
  for (const lane of view.lanes) if (!isRead(lane)) stopSpeaking(lane.lane);
  speakNext();
}

export function resetReadAloud() {
  stopSpeaking();
  Object.assign(speech, { newest: 0, unfinished: new Set() });
}

function speakNext() {
  if (speech.current || !speech.waiting.length || !window.speechSynthesis) return;
  const next = speech.current = speech.waiting.shift();
  // Kept in `next`: some browsers drop an utterance that nothing refers to, and never report its end.
  const utterance = next.utterance = new SpeechSynthesisUtterance(next.text);
  utterance.rate = speech.rate;
  utterance.onend = utterance.onerror = (event) => {
    if (speech.current !== next) return;
    if (event.error === "not-allowed") showMessage(NOT_CLICKED);
    onSpoken();
  };
  clearTimeout(speech.timeout);
  speech.timeout = setTimeout(() => { speechSynthesis.cancel(); onSpoken(); }, MAX_UTTERANCE_MS);
  speechSynthesis.speak(utterance);
}

function onSpoken() {
  clearTimeout(speech.timeout);
  speech.current = null;
  speakNext();
  if (page.view) drawReadAloud(page.view);
}

// At once: of one lane, or of all of them.
function stopSpeaking(lane) {
  speech.waiting = lane === undefined ? [] : speech.waiting.filter((one) => one.lane !== lane);
  if (!speech.current || (lane !== undefined && speech.current.lane !== lane)) return;
  speech.current = null;  // first: cancelling ends the utterance, and its end would start the next
  speechSynthesis.cancel();
  onSpoken();
}
