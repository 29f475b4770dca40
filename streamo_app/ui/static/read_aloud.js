// Responses read aloud by the browser, lane by lane, and the chime of the machine. Nothing here goes to the server but the chime's switch.
// What was said before this page was loaded, in a muted lane, or while a lane was not read aloud, stays unsaid.

const VOICE_KEY = "streamo-voice", MAX_REMEMBERED = 50;
const MAX_WAITING = 3;      // newest wins past these: a queue must not fall minutes behind what is seen
const MAX_SAID_S = 30;      // an utterance that does not end by itself (some browsers forget to say so) is cut
const RATES = [0.75, 1, 1.25, 1.5, 2];
const NO_VOICES = "This browser has no voices to read aloud with; install one for your system, or open the page in another browser.";
const aloud = {
  rate: 1, texts: [],       // remembered in this browser: pace, and the instructions whose lanes are read aloud
  top: 0, open: new Set(),  // newest row seen; rows seen that are still being spoken by the model
  first: true, run: -1,     // whether the next view is this page's first
  waiting: [], speaking: null, cut: 0,
};

try { Object.assign(aloud, rememberedVoice(JSON.parse(localStorage.getItem(VOICE_KEY)))); } catch { /* nothing was kept, or nothing can be */ }

function rememberedVoice(kept) {
  return {
    rate: RATES.includes(kept?.rate) ? kept.rate : 1,
    texts: Array.isArray(kept?.texts) ? kept.texts.filter((text) => typeof text === "string").slice(-MAX_REMEMBERED) : [],
  };
}

function rememberVoice() {
  try { localStorage.setItem(VOICE_KEY, JSON.stringify({ rate: aloud.rate, texts: aloud.texts })); } catch { /* a private window may have none */ }
}

// Voices come a moment after they were first asked for.
async function hasVoices() {
  const speech = window.speechSynthesis;
  return Boolean(speech && (await until(() => speech.getVoices().length, 1)));
}

const readAloud = (lane) => aloud.texts.includes(lane.text) && !lane.muted && lane.open;

async function toggleAloud(lane, button) {
  if (aloud.texts.includes(lane.text)) {
    aloud.texts = aloud.texts.filter((text) => text !== lane.text);
    hush(lane.lane);
  } else if (!(await hasVoices())) {
    button.title = NO_VOICES;
    say(NO_VOICES);
    return;
  } else {
    aloud.texts = [...aloud.texts, lane.text].slice(-MAX_REMEMBERED);
    if (page.complaint === NO_VOICES) say("");
  }
  rememberVoice();
  drawAloud(page.view);
}

function aloudButton(item) {
  const button = item.aloud = make("button", "icon aloud");
  button.type = "button";
  button.innerHTML = '<svg viewBox="0 0 20 20" aria-hidden="true"><path d="M3 8v4h3l4 3.5v-11L6 8z"/><path class="wave" d="M12.5 7.2a4 4 0 0 1 0 5.6M14.8 5a7 7 0 0 1 0 10"/></svg>';
  button.addEventListener("click", () => toggleAloud(item.voiced, button));
  item.tools.append(button);
}

function drawAloud(view) {
  for (const [number, { item }] of drawn.lanes) {
    const lane = view.lanes.find((one) => one.lane === number);
    if (!lane || !item.aloud) continue;
    const on = aloud.texts.includes(lane.text);
    item.voiced = lane;
    item.aloud.setAttribute("aria-pressed", String(on));
    item.aloud.setAttribute("aria-label", `Read aloud: ${lane.text}`);
    if (item.aloud.title !== NO_VOICES || on) item.aloud.title = on ? "Reads its responses aloud; press to stop that" : "Read its responses aloud";
  }
  const any = view.lanes.some(readAloud);
  $("aloud-rate").parentElement.hidden = $("aloud-stop").hidden = !any;
  $("aloud-stop").disabled = !aloud.speaking && !aloud.waiting.length;
  $("chime").checked = view.voice.chime;
  $("voice-bar").hidden = !any;
}

// Rows that a view brings: those that are new and whole are said, in the order of the transcript.
function heedRows(view) {
  const old = aloud.first || (view.run !== aloud.run && view.status !== "running");  // a page just loaded, or a past session just opened
  Object.assign(aloud, { first: false, run: view.run });
  for (const row of view.rows) {
    const fresh = !old && (row.key > aloud.top || aloud.open.has(row.key));
    aloud.top = Math.max(aloud.top, row.key);
    if (row.kind !== "response" || !fresh) continue;
    if (row.partial) { aloud.open.add(row.key); continue; }
    aloud.open.delete(row.key);
    const lane = view.lanes.find((one) => one.lane === row.lane);
    if (lane && readAloud(lane)) aloud.waiting.push({ lane: row.lane, text: row.text });
  }
  if (aloud.waiting.length > MAX_WAITING) aloud.waiting.splice(0, aloud.waiting.length - MAX_WAITING);
  for (const lane of view.lanes) if (!readAloud(lane)) hush(lane.lane);
  speakNext();
}

function speakNext() {
  if (aloud.speaking || !aloud.waiting.length || !window.speechSynthesis) return;
  const next = aloud.speaking = aloud.waiting.shift(), words = next.words = new SpeechSynthesisUtterance(next.text);
  words.rate = aloud.rate;
  words.onend = words.onerror = (event) => {
    if (aloud.speaking !== next) return;
    if (event.error === "not-allowed") say("Browsers speak only on a page that was clicked: click anywhere, and the next response is read aloud.");
    spoken();
  };
  clearTimeout(aloud.cut);
  aloud.cut = setTimeout(() => { speechSynthesis.cancel(); spoken(); }, MAX_SAID_S * 1000);
  speechSynthesis.speak(words);
}

function spoken() {
  clearTimeout(aloud.cut);
  aloud.speaking = null;
  speakNext();
  if (page.view) drawAloud(page.view);
}

// Silence at once: of one lane, or of all of them.
function hush(lane) {
  aloud.waiting = lane === undefined ? [] : aloud.waiting.filter((one) => one.lane !== lane);
  if (!aloud.speaking || (lane !== undefined && aloud.speaking.lane !== lane)) return;
  aloud.speaking = null;  // first: cancelling ends the utterance, and its end would start the next
  speechSynthesis.cancel();
  spoken();
}

function voiceBar() {
  const bar = make("div", "voice-bar"), label = make("label", "", "Read aloud"), rate = make("select"), stop = make("button", "pill", "Stop speaking");
  bar.id = "voice-bar";
  bar.hidden = true;
  rate.id = "aloud-rate";
  rate.setAttribute("aria-label", "Pace of reading aloud");
  for (const pace of RATES) { const option = make("option", "", `${pace}×`); option.value = pace; option.selected = pace === aloud.rate; rate.append(option); }
  rate.addEventListener("change", () => { aloud.rate = Number(rate.value); rememberVoice(); });
  label.append(rate);
  stop.type = "button";
  stop.id = "aloud-stop";
  stop.addEventListener("click", () => hush());
  $("chime").addEventListener("change", () => { page.complaint = page.stale = ""; act({ do: "chime", on: $("chime").checked }); });
  $("chime-row").hidden = !config.voice.chime;
  bar.append(label, stop);
  $("standing").append(bar);
}

parts.push({
  begin() { voiceBar(); window.addEventListener("pagehide", () => hush()); },
  lane(item) { if (!item.aloud) aloudButton(item); },
  draw(view) { heedRows(view); drawAloud(view); },
  forget() { hush(); Object.assign(aloud, { top: 0, open: new Set() }); },
});
