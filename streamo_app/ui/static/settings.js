// The settings, closed until asked for: frames per second, seconds remembered, and the model of this server.

import { $, setText } from "./dom.js";
import { act } from "./server.js";
import { config, controlView, page } from "./state.js";

const QUANTIZED = { "4bit": ", 4 bit", "8bit": ", 8 bit", none: "" };
const NAME_EXAMPLES = { hub: "owner/name", folder: "/path/to/checkpoint" };

export function setUpSettings() {
  $("settings-open").addEventListener("click", () => {
    const open = $("settings-panel").hidden;
    $("settings-panel").hidden = !open;
    $("settings-open").setAttribute("aria-expanded", String(open));
  });
  for (const input of document.querySelectorAll("input[name=fps]")) input.addEventListener("change", sendSettings);
  $("window").addEventListener("change", sendSettings);
  $("longer").addEventListener("change", () => {
    const { model } = page.view.control;
    if (!$("longer").checked && Number($("window").value) > model.window) $("window").value = model.window;
    sendSettings();
  });
  $("longer-row").hidden = !config.may.longer;
  $("model-form").hidden = !config.may.models;
  $("model-kind").addEventListener("change", drawModelName);
  drawModelName();
  $("model-form").addEventListener("submit", (event) => {
    event.preventDefault();
    const kind = $("model-kind").value, name = $("model-name").value.trim();
    act({ do: "model", kind, name, quantize: $("model-quantize").value });
  });
}

function drawModelName() {
  const kind = $("model-kind").value;
  $("model-name").hidden = kind === "built in";
  $("model-name").placeholder = NAME_EXAMPLES[kind] || NAME_EXAMPLES.folder;
}

function sendSettings() {
  const checked = document.querySelector("input[name=fps]:checked");
  const fps = Number(checked?.value) || page.view.control.model.fps;
  act({ do: "settings", fps, window: Math.round(Number($("window").value)), longer: $("longer").checked });
}

export function drawSettings() {
  const { fps, window: seconds, model, switch: change } = controlView();
  if (!model) return;
  for (const input of document.querySelectorAll("input[name=fps]")) input.checked = Number(input.value) === fps;
  if (document.activeElement !== $("window")) $("window").value = seconds;
  if (seconds > model.window) $("longer").checked = true;
  const longest = $("longer").checked ? model.longest : model.window;
  Object.assign($("window"), { min: Math.min(5, model.window), max: longest });
  setText($("window-about"), `This model was trained on clips of up to ${model.window} s.`);
  setText(
    $("longer-about"),
    `Allow more, up to ${model.longest} s: its answers may get worse, and it takes more memory.`,
  );
  drawModel(model, change);
}

function drawModel(model, change) {
  const current = `${model.name} on ${model.device}${QUANTIZED[model.quantize] || ""}`;
  const loading = Boolean(change?.loading), failure = loading ? "" : change?.failure || "";
  let text = `In use: ${current}.`;
  if (failure) text = `${failure} ${current} stays in use.`;
  if (loading) {
    const { loading: name, stage, for_s: seconds } = change;
    text = `Loading ${name}: ${stage}, ${seconds} s. Until then ${current} stays in use.`;
  }
  setText($("model-state"), text);
  $("model-state").classList.toggle("wrong", Boolean(failure));
  $("model-state").classList.toggle("busy", loading);
  $("model-load").disabled = loading;
}
