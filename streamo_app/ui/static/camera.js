// The webcam inside gr.Image. The selectors inside #cam belong to gradio 6.31; the browser tests hold them.

import { $, until } from "./dom.js";

const CAMERA = {
  video: { width: { ideal: 640 }, height: { ideal: 480 }, facingMode: { ideal: "environment" } },
  audio: false,
};
export const NO_CAMERA_HERE = "Browsers allow the camera only on https:// or on this machine itself " +
  "(http://localhost). Whoever runs this page can start it with --ssl-self-signed; until then, choose another source.";
const CAMERA_ERRORS = {
  NotAllowedError: "The browser blocked the camera: allow it for this page (the camera icon in the address bar), " +
    "then press Start again.",
  NotFoundError: "No camera was found: plug one in, or choose another source.",
  NotReadableError: "Another program is using the camera: close it, then press Start again.",
};

const cam = (selector) => document.querySelector(`#cam ${selector}`);

// Starts the webcam and gr.Image's recording. Resolves to "" or to one sentence for the user.
export async function openCamera() {
  if (!navigator.mediaDevices) return NO_CAMERA_HERE;
  let own;  // opened here first: gr.Image does not say what went wrong
  try {
    own = await navigator.mediaDevices.getUserMedia(CAMERA);
  } catch (error) {
    return CAMERA_ERRORS[error.name] || `The camera did not open (${error.name}).`;
  }
  cam("[title='grant webcam access'] button")?.click();
  const video = await until(() => cam("video"), 15);
  const stream = video && (await until(() => video.srcObject, 15));
  if (!stream) {
    stopTracks(own);
    return "The camera view did not appear; reload the page and try again.";
  }
  // gr.Image never releases a camera. We do, on Stop; from then on it is given our stream.
  if (stream.active) {
    await until(() => video.videoWidth > 0, 15);
    stopTracks(own);
  } else {
    video.srcObject = own;
    await video.play().catch((error) => console.warn("the camera view did not start:", error));
  }
  const facing = video.srcObject.getVideoTracks()[0]?.getSettings().facingMode;
  $("cam").classList.toggle("mirrored", facing !== "environment");
  if (await until(() => cam("[title='start recording']"), 10)) cam(".capture-button").click();
  return "";
}

export function closeCamera() {
  if (cam("[title='stop recording']")) cam(".capture-button").click();
  stopTracks(cam("video")?.srcObject);
}

export function stopTracks(stream) { stream?.getTracks().forEach((track) => track.stop()); }
