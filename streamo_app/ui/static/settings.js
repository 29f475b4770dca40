// The settings, closed until asked for: pictures a second, seconds remembered, and the model of this server.

const QUANTIZED = { "4bit": ", 4 bit", "8bit": ", 8 bit", none: "" };

function drawSettings() {
  const { fps, window: seconds, model, switch: change } = page.view?.control || {};
  if (!model) return;
  for (const input of document.querySelectorAll("input[name=fps]")) input.checked = Number(input.value) === fps;
  if (document.activeElement !== $("window")) $("window").value = seconds;
  if (seconds > model.window) $("longer").checked = true;
  Object.assign($("window"), { min: Math.min(5, model.window), max: $("longer").checked ? model.longest : model.window });
  write($("window-about"), `This model learnt from clips of up to ${model.window} s.`);
  write($("longer-about"), `Let it try more, up to ${model.longest} s: it may answer worse, and takes more memory.`);
  const now = `${model.name} on ${model.device}${QUANTIZED[model.quantize] || ""}`;
  const loading = change?.loading ? `Loading ${change.loading}: ${change.stage}, ${change.for_s} s. Until it is there ${now} goes on.` : "";
  write($("model-state"), loading || (change?.failure ? `${change.failure} ${now} goes on.` : `In use: ${now}.`));
  $("model-state").classList.toggle("wrong", !loading && Boolean(change?.failure));
  $("model-state").classList.toggle("busy", Boolean(loading));
  $("model-load").disabled = Boolean(loading);
}

function sendSettings() {
  const { model } = page.view.control, fps = Number(document.querySelector("input[name=fps]:checked")?.value) || model.fps;
  act({ do: "settings", fps, window: Math.round(Number($("window").value)), longer: $("longer").checked });
}

parts.push({
  begin() {
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
    const named = () => {
      const kind = $("model-kind").value;
      $("model-name").hidden = kind === "built in";
      $("model-name").placeholder = kind === "hub" ? "owner/name" : "/path/to/checkpoint";
    };
    $("model-kind").addEventListener("change", named);
    named();
    $("model-form").addEventListener("submit", (event) => {
      event.preventDefault();
      act({ do: "model", kind: $("model-kind").value, name: $("model-name").value.trim(), quantize: $("model-quantize").value });
    });
  },
  draw: drawSettings,
});
