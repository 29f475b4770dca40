// Spoken instructions: press, speak, press again. The recording goes to the server (ui/visitor/voice.py); the words
// that come back are put into the box, to be read, changed and sent.

import { stopTracks } from "./camera.js";
import { $, button, make, setText } from "./dom.js";
import { clearMessage, showMessage } from "./message.js";
import { act } from "./server.js";
import { config, page } from "./state.js";

const LONGEST_MS = 15000, SOUND_TYPES = ["audio/webm;codecs=opus", "audio/mp4", "audio/ogg;codecs=opus"];
const NO_MICROPHONE_HERE = "Browsers allow the microphone only on https:// or on this machine itself " +
  "(http://localhost). Whoever runs this page can start it with --ssl-self-signed; until then, type.";
const MICROPHONE_ERRORS = {
  NotAllowedError: "The browser blocked the microphone: allow it for this page (the icon in the address bar), then " +
    "press the microphone again.",
  NotFoundError: "No microphone was found: plug one in, or type.",
  NotReadableError: "Another program is using the microphone: close it, then press the microphone again.",
};
const MICROPHONE = '<rect x="7.4" y="2" width="5.2" height="9" rx="2.6"/>' +
  '<path d="M4.5 9.5a5.5 5.5 0 0 0 11 0M10 15v2.5"/>';
const MACHINE = '<path d="M2.5 18.5h15"/>';

const recording = {
  since: 0,        // when the recording under way began; 0 = none is
  server: false,   // whether it is the server's microphone that records
  recorder: null,  // of the browser's microphone
  keep: true,      // whether what the browser recorded is sent
  asked: 0,        // number of the action that opened the server's microphone
  sent: 0,         // number of the action whose words are awaited; 0 = none are
  text: "",        // what is said about it beside the box
  timer: 0,
};

export function setUpMicrophone() {
  addButton("mic");
  if (config.voice.machine) addButton("mic-machine");
  const status = make("p", "mic-says");
  status.id = "mic-says";
  status.hidden = true;
  status.setAttribute("role", "status");
  $("ask-text").closest(".ask-row").after(status);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && recording.since) stopRecording(false);
  });
  drawMicrophone();
}

function addButton(id) {
  const node = button("icon mic", undefined, () => toggle(id === "mic-machine"));
  const drawing = id === "mic-machine" ? MICROPHONE + MACHINE : MICROPHONE;
  node.id = id;
  node.innerHTML = `<svg viewBox="0 0 20 20" aria-hidden="true">${drawing}</svg>`;
  $("ask-tools").append(node);
}

async function toggle(server) {
  if (recording.since) {
    stopRecording(true);
    return;
  }
  if (recording.sent || !page.id) return;
  clearMessage();
  showMessage("");
  recording.server = server;
  const problem = server ? "" : await openMicrophone();
  if (problem) {
    showMessage(problem);
    return;
  }
  recording.since = Date.now();
  if (server) {
    act({ do: "listen" });
    recording.asked = page.sent.listen;
  }
  clearInterval(recording.timer);
  recording.timer = setInterval(() => {
    if (Date.now() - recording.since >= LONGEST_MS) stopRecording(true);
    else drawMicrophone();
  }, 250);
  drawMicrophone();
}

// Resolves to "" or to one sentence for the user.
async function openMicrophone() {
  if (!navigator.mediaDevices || !window.MediaRecorder) return NO_MICROPHONE_HERE;
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ audio: true });
  } catch (error) {
    return MICROPHONE_ERRORS[error.name] || `The microphone did not open (${error.name}).`;
  }
  const pieces = [], mimeType = SOUND_TYPES.find((type) => MediaRecorder.isTypeSupported(type));
  const recorder = new MediaRecorder(stream, mimeType ? { mimeType, audioBitsPerSecond: 48000 } : {});
  recorder.ondataavailable = (event) => pieces.push(event.data);
  recorder.onstop = () => {
    stopTracks(stream);
    if (recording.keep) sendSound(new Blob(pieces));
  };
  Object.assign(recording, { recorder, keep: true });
  recorder.start();
  return "";
}

function stopRecording(keep) {
  recording.since = 0;
  clearInterval(recording.timer);
  if (!recording.server) {
    recording.keep = keep;
    recording.recorder.stop();
  } else if (keep) sendForWords({ do: "listened" });
  else act({ do: "listened", drop: true });
  drawMicrophone();
}

async function sendSound(blob) {
  const bytes = new Uint8Array(await blob.arrayBuffer());
  let text = "";
  for (let at = 0; at < bytes.length; at += 32768) text += String.fromCharCode(...bytes.subarray(at, at + 32768));
  sendForWords({ do: "say", sound: btoa(text) });
}

function sendForWords(what) {
  act(what);
  recording.sent = page.sent[what.do];
  drawMicrophone();
}

// Every view says how far the server is with the recording that it got last.
export function readRecognition({ voice }) {
  if (recording.since && recording.server && voice.n >= recording.asked && !voice.listening) {
    recording.since = 0;  // the server's microphone did not open
    clearInterval(recording.timer);
  }
  if (!recording.sent || voice.n < recording.sent) return;
  const { state, words } = voice;
  recording.text = words;
  if (state && state !== "heard" && state !== "failed") return;
  recording.sent = 0;
  if (state === "failed") showMessage(words);
  if (state === "heard") fillBox(words);
}

function fillBox(words) {
  const box = $("ask-text");
  box.value = [box.value.trim(), words].filter(Boolean).join(" ");
  box.focus();
  recording.text = "Check it, edit it if needed, then press Add.";
  box.addEventListener("input", () => { recording.text = ""; drawMicrophone(); }, { once: true });
}

export function drawMicrophone() {
  const isRecording = Boolean(recording.since), busy = Boolean(recording.sent);
  for (const node of [$("mic"), $("mic-machine")].filter(Boolean)) {
    const server = node.id === "mic-machine", isOwn = isRecording && server === recording.server;
    const name = server ? "Speak into the microphone of the machine that runs Streamo" : "Speak your instruction";
    node.setAttribute("aria-pressed", String(isOwn));
    node.disabled = !page.id || busy || (isRecording && !isOwn);
    node.title = isOwn ? "Press when you have finished speaking (Esc: discard the recording)" : name;
    node.setAttribute("aria-label", isOwn ? "Stop listening" : name);
  }
  const status = statusText(isRecording, busy);
  setText($("mic-says"), status);
  $("mic-says").hidden = !status;
}

function statusText(isRecording, busy) {
  if (isRecording) {
    const seconds = Math.floor((Date.now() - recording.since) / 1000);
    return `Listening, ${seconds} s. Press the microphone when you have finished speaking.`;
  }
  if (busy) return recording.text || "Sending your recording…";
  return $("ask-text").value ? recording.text : "";
}
