// Spoken instructions: press, speak, press again. The recording goes to the server (ui/desk_voice.py); the words that come back are put into the
// box, for their speaker to read and to send.

const LONGEST_MS = 15000, SOUND_KINDS = ["audio/webm;codecs=opus", "audio/mp4", "audio/ogg;codecs=opus"];
const NO_MICROPHONE_HERE = "The browser lends a page its microphone only on https:// or on this machine itself (http://localhost). Whoever runs this page can start it with --ssl-self-signed; until then, type.";
const MICROPHONE_SAYS = {
  NotAllowedError: "The browser refused the microphone: allow it for this page (the sign in the address bar), then press the microphone again.",
  NotFoundError: "No microphone was found: plug one in, or type.",
  NotReadableError: "The microphone is in use by another program: close that one, then press the microphone again.",
};
const mic = {
  at: 0,            // when the recording under way began, else 0
  own: false,       // it is the machine's microphone that listens
  recorder: null, sent: 0, asked: 0, words: "", timer: 0,
};

const micButtons = () => [$("mic"), $("mic-machine")].filter(Boolean);

async function pressMic(own) {
  if (mic.at) { endRecording(); return; }
  if (mic.sent || !page.id) return;
  page.complaint = page.stale = "";
  say("");
  mic.own = own;
  const wrong = own ? "" : await openMicrophone();
  if (wrong) { say(wrong); return; }
  mic.at = Date.now();
  if (own) { act({ do: "listen" }); mic.asked = page.sent.listen; }
  clearInterval(mic.timer);
  mic.timer = setInterval(() => { if (Date.now() - mic.at >= LONGEST_MS) endRecording(); else drawMic(); }, 250);
  drawMic();
}

async function openMicrophone() {
  if (!navigator.mediaDevices || !window.MediaRecorder) return NO_MICROPHONE_HERE;
  let stream;
  try { stream = await navigator.mediaDevices.getUserMedia({ audio: true }); } catch (error) { return MICROPHONE_SAYS[error.name] || `The microphone did not open (${error.name}).`; }
  const pieces = [], kind = SOUND_KINDS.find((one) => MediaRecorder.isTypeSupported(one));
  mic.recorder = new MediaRecorder(stream, kind ? { mimeType: kind, audioBitsPerSecond: 48000 } : {});
  mic.recorder.ondataavailable = (event) => pieces.push(event.data);
  mic.recorder.onstop = async () => { release(stream); if (mic.keep) sendSound(new Blob(pieces)); };
  mic.keep = true;
  mic.recorder.start();
  return "";
}

function endRecording(keep = true) {
  mic.at = 0;
  clearInterval(mic.timer);
  if (mic.own) { if (keep) sendWord({ do: "listened" }); else act({ do: "listened", drop: true }); }
  else { mic.keep = keep; mic.recorder.stop(); }
  drawMic();
}

async function sendSound(blob) {
  const bytes = new Uint8Array(await blob.arrayBuffer());
  let text = "";
  for (let at = 0; at < bytes.length; at += 32768) text += String.fromCharCode(...bytes.subarray(at, at + 32768));
  sendWord({ do: "say", sound: btoa(text) });
}

function sendWord(what) {
  act(what);
  mic.sent = page.sent[what.do];
  drawMic();
}

// The server tells with every view how far it is with the recording that it got last.
function heedMic(view) {
  if (mic.at && mic.own && view.voice.n >= mic.asked && !view.voice.listening) { mic.at = 0; clearInterval(mic.timer); }  // it did not open
  if (!mic.sent || view.voice.n < mic.sent) return;
  const { state, words } = view.voice;
  mic.words = words;
  if (state && state !== "heard" && state !== "failed") return;
  mic.sent = 0;
  if (state === "failed") say(words);
  if (state !== "heard") return;
  const box = $("ask-text");
  box.value = [box.value.trim(), words].filter(Boolean).join(" ");
  box.focus();
  mic.words = "Read it, change it if needed, then press Add.";
  box.addEventListener("input", () => { mic.words = ""; drawMic(); }, { once: true });
}

function drawMic() {
  const seconds = Math.floor((Date.now() - mic.at) / 1000), busy = Boolean(mic.sent);
  for (const button of micButtons()) {
    const mine = Boolean(mic.at) && (button.id === "mic-machine") === mic.own;
    button.setAttribute("aria-pressed", String(mine));
    button.disabled = !page.id || busy || (Boolean(mic.at) && !mine);
    const name = button.id === "mic" ? "Speak your instruction" : "Speak into the microphone of the machine that runs Streamo";
    button.title = mine ? "Press when you have spoken (Esc: throw it away)" : name;
    button.setAttribute("aria-label", mine ? "Stop listening" : name);
  }
  const said = mic.at ? `Listening, ${seconds} s. Press the microphone when you have spoken.` : busy ? mic.words || "Your recording is on its way." : $("ask-text").value ? mic.words : "";
  write($("mic-says"), said);
  $("mic-says").hidden = !said;
}

function micButton(id) {
  const button = make("button", "icon mic"), extra = id === "mic" ? "" : '<path d="M2.5 18.5h15"/>';
  button.id = id;
  button.type = "button";
  button.innerHTML = `<svg viewBox="0 0 20 20" aria-hidden="true"><rect x="7.4" y="2" width="5.2" height="9" rx="2.6"/><path d="M4.5 9.5a5.5 5.5 0 0 0 11 0M10 15v2.5"/>${extra}</svg>`;
  button.addEventListener("click", () => pressMic(id !== "mic"));
  $("ask-tools").append(button);
}

parts.push({
  begin() {
    micButton("mic");
    if (config.voice.machine) micButton("mic-machine");
    const says = make("p", "mic-says");
    says.id = "mic-says";
    says.hidden = true;
    says.setAttribute("role", "status");
    $("ask-text").closest(".ask-row").after(says);
    document.addEventListener("keydown", (event) => { if (event.key === "Escape" && mic.at) endRecording(false); });
    drawMic();
  },
  draw(view) { heedMic(view); drawMic(); },
});
