// The one message of the page, under the buttons: what the server says, else what went wrong on this side.

import { $, setText } from "./dom.js";
import { page } from "./state.js";

// Without a sentence it only draws again; "" takes this side's complaint away.
export function showMessage(sentence) {
  if (sentence !== undefined) page.complaint = sentence;
  const message = page.view?.message || "";
  const text = (message !== page.stale && message) || page.complaint;
  setText($("message"), text);
  $("message").classList.toggle("wrong", !page.view?.notice);
  $("message").hidden = !text;
}

// Forgets what was said before; the next view draws the message.
export function clearMessage() { page.complaint = page.stale = ""; }
