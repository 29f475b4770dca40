"""The page in Gradio: layout and wiring. What it shows is drawn by `static/*.js` from views (`ui/visitor/view.py`);
clicks go to a `Desk`.

    blocks = build(Desks(engine, config, load_clips()))      # served by serve.py

Wiring, and why (each was tried in a real browser):
* A timer asks for a view twice a second with `queue=False`: it needs no open connection, survives a restart of the
  server, and never
  waits behind someone else's stream. Such events show no toasts, so every failure is a sentence in the view.
* Texts reach the page as JSON and are written with `textContent`. gr.HTML's own template is no place for them: it
  compiles what
  Handlebars made of it as a JavaScript template literal, so "${...}" in a transcript would be run.
* The webcam is gr.Image in streaming mode: newest picture wins there. `mirror=False`, or the model would see mirrored
  writing;
  `concurrency_limit=None`, or the second user gets no picture while the first one streams.
"""

import html
import json
import logging
from pathlib import Path

import gradio as gr

from streamo_app.config import AppConfig
from streamo_app.ui.api.endpoint import OwnFile, endpoints
from streamo_app.ui.scripts import STATIC, js_on_load, scripts_path
from streamo_app.ui.visitor.samples import SUGGESTIONS
from streamo_app.ui.visitor.view import empty_view
from streamo_app.ui.visitor.visitor import PageState
from streamo_app.ui.visitor.visitors import Visitors
from streamo_app.ui.visitor.voice import voice_settings
from streamo_app.video.camera import list_cameras

STYLES = ("style", "live", "lanes", "control", "keep", "voice")
TICK_S = 0.5
CAMERA_FPS = 2
"""Pictures per second asked of the browser, for each that the model wants: a grid point is then at most half a second
old."""
UPLOAD_KEPT_S = 86400
"""An uploaded file is deleted after this long; someone may watch it until then."""

TITLES = {
    "samples": "Sample clips",
    "upload": "Upload",
    "webcam": "Webcam",
    "camera": "This machine’s camera",
    "address": "Address",
}
ABOUT = {
    "samples": "Streets and rooms that we rendered; each has suggestions that something in it answers.",
    "upload": "",
    "webcam": "Pictures go to the machine that runs Streamo, and nowhere else.",
    "camera": "A camera of the machine that runs Streamo.",
    "address": "A stream or a video file that the machine that runs Streamo opens; a password in it is shown nowhere.",
}
BUILT_IN_LIMITS = "The built-in model has only ever seen rendered streets and rooms and understands little else; the README says how to start a larger one."

log = logging.getLogger(__name__)


def build(desks: Visitors) -> gr.Blocks:
    info = desks.engine.info
    private = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
    with gr.Blocks(
        title="Streamo", analytics_enabled=False, fill_width=True, delete_cache=(3600, UPLOAD_KEPT_S)
    ) as blocks:
        session_id = gr.Textbox(visible="hidden", elem_id="session-id")
        report = gr.Textbox(visible="hidden")
        part("head", elem_id="head")
        with gr.Row(elem_id="board"):
            with gr.Column(elem_id="left"):
                gr.HTML(html_template=tabs(desks.config), js_on_load=None, apply_default_css=False, elem_id="tabs")
                with gr.Column(elem_id="stage"):
                    part("player", elem_id="player-box")
                    cam = webcam()
                    upload = OwnFile(
                        file_types=["video"],
                        file_count="single",
                        label="Video file",
                        show_label=False,
                        elem_id="upload",
                    )
                part("bar", elem_id="bar")
                part("settings", elem_id="settings")
            with gr.Column(elem_id="right"):
                live = gr.HTML(
                    {},
                    html_template=text("talk.html"),
                    js_on_load=js_on_load(),
                    apply_default_css=False,
                    elem_id="live",
                    settings=settings(desks),
                )
        part("foot", elem_id="foot")
        part("keep", elem_id="keep")

        def tick(sent: str, known_id: str, request: gr.Request):
            if not sent:  # its scripts are not there yet
                return gr.skip(), gr.skip()
            page = json.loads(sent)
            try:
                desk = desks.sit(str(page.get("id") or ""), request.session_hash, str(page.get("owner") or ""))
            except ValueError as error:
                return empty_view(str(error)), ""
            return desk.tick(PageState.read(page)), gr.skip() if known_id == desk.session.id else desk.session.id

        def act(event: gr.EventData, request: gr.Request):
            what = event._data
            page = what.get("page") or {}
            try:
                desk = desks.sit(str(page.get("id") or ""), request.session_hash, str(page.get("owner") or ""))
            except ValueError as error:
                return empty_view(str(error))
            return desk.act(what, PageState.read(page))

        def uploaded(path: str | None, sent: str):
            page = json.loads(sent or "{}")
            desk = desks.find(str(page.get("id") or ""))
            return desk.uploaded(Path(path), PageState.read(page)) if desk and path else gr.skip(), None

        def frame(image, known_id: str):
            desk = desks.find(known_id)
            if desk and image is not None:
                desk.frame(image)

        gr.Timer(TICK_S).tick(
            tick,
            [report, session_id],
            [live, session_id],
            js="(sent, id) => [window.streamo ? window.streamo.report() : '', id]",
            **private,
        )
        live.act(act, None, live, trigger_mode="multiple", **private)
        upload.upload(
            uploaded, [upload, report], [live, upload], js="(file, sent) => [file, window.streamo.report()]", **private
        )
        cam.stream(
            frame, [cam, session_id], None, stream_every=1 / (CAMERA_FPS * info.fps), time_limit=600, concurrency_limit=None,
            show_progress="hidden", api_visibility="private",
        )  # fmt: skip

        def unload(request: gr.Request):
            desks.left(request.session_hash)

        blocks.unload(unload)
        endpoints(desks)
    return blocks


def part(name: str, **options) -> gr.HTML:
    """A piece of the page that never changes here; scripts fill it."""
    return gr.HTML(html_template=text(f"{name}.html"), js_on_load=None, apply_default_css=False, **options)


def text(name: str) -> str:
    return (STATIC / name).read_text(encoding="utf-8")


def tabs(config: AppConfig) -> str:
    """Radio buttons of the sources; the machine's own cameras, and addresses, only where visitors may open them."""
    allowed = {"camera": config.camera_allowed, "address": config.urls_allowed}
    names = [name for name in TITLES if allowed.get(name, True)]
    radios = "".join(
        f'<label><input type="radio" name="choice" value="{name}"><span>{html.escape(TITLES[name])}</span></label>'
        for name in names
    )
    return f'<fieldset class="tabs"><legend class="sr">What it watches</legend>{radios}</fieldset>'


def webcam() -> gr.Image:
    options = gr.WebcamOptions(mirror=False, constraints={"video": {"width": {"ideal": 640}, "height": {"ideal": 480}}})
    return gr.Image(
        sources=["webcam"],
        streaming=True,
        type="numpy",
        elem_id="cam",
        show_label=False,
        label="Webcam",
        buttons=[],
        webcam_options=options,
    )


def settings(desks: Visitors) -> dict:
    """What the scripts must know from the start."""
    clips = [
        {"name": clip.name, "title": clip.title, "path": str(clip.path), "ask": list(clip.ask)} for clip in desks.clips
    ]
    may = {"longer": not desks.config.exposed, "models": desks.config.models_allowed}
    cameras = [list(camera) for camera in list_cameras()] if desks.config.camera_allowed else []
    voice = voice_settings(microphone=desks.config.camera_allowed, loudspeaker=not desks.config.exposed)
    told = {"about": ABOUT, "limits": BUILT_IN_LIMITS, "may": may, "cameras": cameras, "voice": voice}
    return {"scripts": scripts_path(), "clips": clips, "suggest": SUGGESTIONS, **told}
