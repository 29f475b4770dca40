// The chosen source, as values.

import { config, page } from "./state.js";
import { $ } from "./dom.js";

export const isFile = () => page.choice === "samples" || page.choice === "upload";

// Address of the chosen file in this browser; "" where the source is no file or none is chosen yet.
export function fileUrl() {
  const clip = page.choice === "samples" && config.clips.find((one) => one.name === page.clip);
  const path = page.choice === "upload" ? page.upload : clip?.path;
  if (!path) return "";
  return new URL(`gradio_api/file=${path.split("/").map(encodeURIComponent).join("/")}`, document.baseURI).href;
}

// Whether the run in `view` watched what is chosen now.
export function isRunOfChoice(view) {
  return Boolean(view && view.choice === page.choice && (page.choice !== "samples" || view.clip === page.clip));
}

// What some sources ask for beside their tab.
export const sourceFields = () => ({
  address: $("address").value.trim(),
  camera: Number($("which-camera").value) || 0,
});
