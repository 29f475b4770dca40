// The browser's side of a source: the player of a clip or upload, the webcam inside gr.Image, and what goes wrong with them.
// The selectors inside #cam belong to gradio 6.31; the browser tests hold them.

const CAMERA = { video: { width: { ideal: 640 }, height: { ideal: 480 }, facingMode: { ideal: "environment" } }, audio: false };
const NO_CAMERA_HERE = "The browser lends a page its camera only on https:// or on this machine itself (http://localhost). Whoever runs this page can start it with --ssl-self-signed; until then, choose another source.";
const CAMERA_SAYS = {
  NotAllowedError: "The browser refused the camera: allow it for this page (the camera sign in the address bar), then press Start again.",
  NotFoundError: "No camera was found: plug one in, or choose another source.",
  NotReadableError: "The camera is in use by another program: close that one, then press Start again.",
};

const cam = (selector) => document.querySelector(`#cam ${selector}`);

async function until(look, seconds) {
  for (let tries = 0; tries < seconds * 20; tries++) {
    const found = look();
    if (found) return found;
    await new Promise((done) => setTimeout(done, 50));
  }
  return null;
}

// Loads `url` unless it is there already; then true when this browser can show pictures of it, false when it cannot.
async function load(url) {
  const player = $("player");
  if (!url) return false;
  if (player.dataset.url !== url) { player.dataset.url = url; player.src = url; }
  await until(() => player.error || player.readyState >= 2, 20);
  return !player.error && player.videoWidth > 0;
}

async function roll(from) {
  const player = $("player");
  player.currentTime = from;
  player.muted = true;  // a page may start only silent videos by itself
  try { await player.play(); } catch (error) { console.warn("the player did not start:", error); }
}

function playing() {
  const player = $("player");
  return { t: player.currentTime || 0, paused: player.paused, ended: player.ended, duration: Number.isFinite(player.duration) ? player.duration : null };
}

// Starts the webcam and gr.Image's recording. Resolves to "" or to one sentence for the user.
async function openCamera() {
  if (!navigator.mediaDevices) return NO_CAMERA_HERE;
  let own;  // asked for by ourselves first: gr.Image does not say what went wrong
  try { own = await navigator.mediaDevices.getUserMedia(CAMERA); } catch (error) { return CAMERA_SAYS[error.name] || `The camera did not open (${error.name}).`; }
  cam("[title='grant webcam access'] button")?.click();
  const video = await until(() => cam("video"), 15);
  const stream = video && (await until(() => video.srcObject, 15));
  if (!stream) { release(own); return "The camera view did not appear; reload the page and try again."; }
  // gr.Image never lets go of a camera. We do, on Stop; from then on it is given ours.
  if (stream.active) { await until(() => video.videoWidth > 0, 15); release(own); }
  else { video.srcObject = own; await video.play().catch((error) => console.warn("the camera view did not start:", error)); }
  $("cam").classList.toggle("mirrored", video.srcObject.getVideoTracks()[0]?.getSettings().facingMode !== "environment");
  if (await until(() => cam("[title='start recording']"), 10)) cam(".capture-button").click();
  return "";
}

function closeCamera() {
  if (cam("[title='stop recording']")) cam(".capture-button").click();
  release(cam("video")?.srcObject);
}

function release(stream) { stream?.getTracks().forEach((track) => track.stop()); }
