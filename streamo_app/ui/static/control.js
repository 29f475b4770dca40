// Pause, Restart from here, and what a source asks for beside its tab: an address, a number of a camera.

const controlled = () => page.view?.control || {};
const onPlayer = () => page.shown === "player" && !controlled().holds;

// Where a file stands: in the player, or at the second that the server decoded last.
const filePosition = () => (page.shown === "player" ? playing().t : page.view?.second || 0);
const isFile = () => page.choice === "samples" || page.choice === "upload";
const extras = () => ({ address: $("address").value.trim(), camera: Number($("which-camera").value) || 0 });

function togglePause() {
  const player = $("player");
  if (!onPlayer()) act({ do: controlled().paused ? "resume" : "pause" });
  else if (player.paused) player.play().catch((error) => console.warn("the player did not go on:", error));
  else player.pause();
}

// The buttons under the stage, after whatever may have changed them.
function drawBar() {
  const running = page.status === "running", busy = Boolean(page.opening || page.sent.start);
  const stands = running && (onPlayer() ? playing().paused : controlled().paused);
  $("pause").hidden = !running || busy || (onPlayer() && playing().ended);
  write($("pause"), stands ? "Resume" : "Pause");
  $("restart").hidden = busy || !isFile() || !source() || filePosition() < 1 || (!running && (page.shown !== "player" || playing().ended));
  write($("restart"), running ? "Restart from here" : "Start from here");
  $("restart").title = "Forgets what was seen so far and begins anew at this second, with the same instructions";
  $("address-row").hidden = page.choice !== "address";
  $("camera-row").hidden = page.choice !== "camera" || config.cameras.length < 2;
  const locked = running || busy, before = controlled().address;
  $("address").disabled = $("which-camera").disabled = locked;
  $("address").placeholder = before ? `${before} again` : "rtsp://192.168.1.20/stream or https://example.org/video.mp4";
  const limits = page.choice !== "samples" && controlled().model?.built_in ? config.limits : "";
  write($("about"), `${config.about[page.choice] || ""} ${limits}`.trim());
}

parts.push({
  begin() {
    $("pause").addEventListener("click", togglePause);
    $("restart").addEventListener("click", () => { page.stale = ""; say(""); start(filePosition()); });
    $("address").addEventListener("keydown", (event) => { if (event.key === "Enter" && !$("go").disabled) go(); });
    for (const [number, name] of config.cameras) {
      const option = make("option", "", name);
      option.value = number;
      $("which-camera").append(option);
    }
    for (const happened of ["play", "pause", "ended", "seeked"]) $("player").addEventListener(happened, () => { if (page.view) controls(); });
  },
});
