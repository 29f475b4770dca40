// The video player of a clip or an uploaded file.

import { $, until } from "./dom.js";
import { isRunOfChoice } from "./source.js";
import { page } from "./state.js";

// Loads `url` unless it is loaded already; then true when this browser can show its frames, false when it cannot.
export async function load(url) {
  const player = $("player");
  if (!url) return false;
  if (player.dataset.url !== url) {
    player.dataset.url = url;
    player.src = url;
  }
  await until(() => player.error || player.readyState >= 2, 20);
  return !player.error && player.videoWidth > 0;
}

export async function playFrom(second) {
  const player = $("player");
  player.currentTime = second;
  player.muted = true;  // browsers let a page start only silent videos by itself
  try { await player.play(); } catch (error) { console.warn("the player did not start:", error); }
}

export function playing() {
  const player = $("player");
  return {
    t: player.currentTime || 0,
    paused: player.paused,
    ended: player.ended,
    duration: Number.isFinite(player.duration) ? player.duration : null,
  };
}

export function seek(second) {
  if (page.shown === "player" && isRunOfChoice(page.view)) $("player").currentTime = second;
}
