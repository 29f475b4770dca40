// Which source is chosen, and what the stage shows of it.

function choose(choice, clip) {
  page.choice = choice;
  if (clip) page.clip = clip;
  document.querySelector(`input[name=choice][value=${choice}]`).checked = true;
  for (const one of $("clips").children) one.setAttribute("aria-pressed", String(one.dataset.name === page.clip));
  $("clips").hidden = choice !== "samples";
  if (page.view) controls(); else chips();
  say(choice === "webcam" && !navigator.mediaDevices ? NO_CAMERA_HERE : "");
  stage();
}

// The stage shows one of: player, picture decoded by the server (preview), webcam, drop zone (upload), or a word (hint).
function stage() {
  const { view } = page, url = source(), blind = url && url === page.unplayable;
  const resting = { samples: "player", upload: !url ? "upload" : blind ? "hint" : "player", webcam: "webcam", camera: "hint", address: "hint" };
  const mine = shows(view);
  if (mine && view.preview) $("preview").src = view.preview;
  if (mine && view.preview) page.picture = view.picture;
  const show = mine && view.show === "preview" && page.picture >= 0 ? "preview" : resting[page.choice];
  if (show !== page.shown) {
    if (page.shown) $("stage").classList.remove(`on-${page.shown}`);
    $("stage").classList.add(`on-${show}`);
    page.shown = show;
  }
  $("another").hidden = page.choice !== "upload" || !url;
  write($("stage-hint"), stageHint(blind));
  if (show === "player" && $("player").dataset.url !== url) load(url).then((shown) => { if (!shown && url === source()) { page.unplayable = url; stage(); } });
}

function stageHint(blind) {
  if (blind) return "This browser cannot show the file. Streamo will try to decode it: press Start.";
  if (page.choice === "address") return page.status === "running" ? "Waiting for the first picture…" : "Type the address of a stream below and press Start.";
  return page.status === "running" ? "Opening the camera of this machine…" : "Press Start to open the camera of this machine.";
}

function source() {
  const path = page.choice === "samples" ? config.clips.find((one) => one.name === page.clip)?.path : page.choice === "upload" ? page.upload : "";
  return path ? new URL(`gradio_api/file=${path.split("/").map(encodeURIComponent).join("/")}`, document.baseURI).href : "";
}

// gr.File drops what the browser does not call a video, and says nothing.
function refuse(event) {
  const file = (event.dataTransfer || event.target).files?.[0];
  if (file) say(file.type.startsWith("video/") ? "" : `'${file.name}' is not a video; MP4, WebM, MKV, MOV and AVI files can be watched.`);
}

// Whether what is chosen is what the run on the page watched.
function shows(view) { return Boolean(view && view.choice === page.choice && (page.choice !== "samples" || view.clip === page.clip)); }

function jump(second) { if (page.shown === "player" && shows(page.view)) $("player").currentTime = second; }
