// The video with what was said burned in: asked for in the Save menu, made by the server, its progress under the head of the transcript.
// And the tick that keeps a camera's pictures for it; without it no picture is ever kept.

const film = { mine: false };  // whether the video under way was asked for here, so that it is saved as soon as it is there

function filmItem() {
  const item = menuItem("webm", "Video with captions (WebM)", () => act({ do: "captions" }));
  item.append(make("small"));
  return item;
}

function filmPanel() {
  const panel = make("div", "film"), words = make("p"), bar = make("progress"), tools = make("div", "film-tools");
  panel.hidden = true;
  words.setAttribute("role", "status");
  bar.max = 1;
  bar.setAttribute("aria-label", "How much of the video is made");
  panel.save = filmTool("Save", () => save("webm", page.view.keep.job));
  panel.drop = filmTool("Cancel", () => act({ do: "no captions" }));
  tools.append(panel.save, panel.drop);
  panel.append(words, bar, tools);
  panel.id = "film";
  Object.assign(panel, { words, bar });
  return panel;
}

function filmTool(text, onClick) {
  const button = make("button", "tool", text);
  button.type = "button";
  button.addEventListener("click", onClick);
  return button;
}

function drawFilm(kept) {
  const item = $("save-menu").querySelector("[data-form=webm]"), panel = $("film"), job = kept?.job;
  if (answered("captions")) film.mine = !page.view.answers.captions.refused;
  const busy = Boolean(job && ["waiting", "making"].includes(job.state));
  write(item.lastChild, busy ? "It is being made." : kept?.film || "");
  item.disabled = busy || Boolean(kept?.film);
  panel.hidden = !job || job.state === "cancelled";
  if (panel.hidden) return;
  const words = {
    waiting: "The video with captions waits for its turn…", making: `Making the video with captions… ${Math.round(100 * job.share)} %`,
    done: "The video with captions is ready.", failed: job.sentence,
  };
  write(panel.words, job.state === "done" && job.sentence ? `${words.done} ${job.sentence}` : words[job.state]);
  panel.classList.toggle("wrong", job.state === "failed");
  panel.bar.hidden = !busy;
  panel.bar.value = job.share;
  panel.save.hidden = job.state !== "done";
  write(panel.drop, busy ? "Cancel" : "Close");
  if (busy || !film.mine) return;
  film.mine = false;
  if (job.state === "done") save("webm", job);
}

// ---- keeping a camera's pictures

function keepTick() {
  const label = make("label", "keep-video"), box = make("input");
  box.type = "checkbox";
  box.id = "keep-video";
  label.append(box, make("span", "", "Keep the video, to save it with captions; deleted when you leave"));
  return label;
}

const keepVideo = () => $("keep-video").checked && !$("keep-video").closest("label").hidden;

parts.push({
  begin() {
    $("save-menu").append(filmItem());
    $("transcript-panel").append(filmPanel());
    $("bar-panel").append(keepTick());
    document.addEventListener("change", (event) => { if (event.target.name === "choice") showTick(); });
    showTick();
  },
  draw(view) { drawFilm(view.keep); showTick(); },
});

function showTick() {
  const label = $("keep-video").closest("label");
  label.hidden = ["samples", "upload"].includes(page.choice);
  $("keep-video").disabled = page.status === "running";
}
