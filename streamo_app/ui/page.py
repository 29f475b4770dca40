"""The page in Gradio: layout and wiring. What it shows is drawn by `static/*.js` from views (`ui/visitor/view.py`);
clicks go to a `Visitor`.

    blocks = build(Visitors(engine, config, load_clips()))      # served by serve.py

Wiring, and why (each was tried in a real browser):
* A timer asks for a view twice a second with `queue=False`: it needs no open connection, survives a restart of the
  server, and never waits behind someone else's stream. Such events show no toasts, so every failure is a sentence in
  the view.
* Texts reach the page as JSON and are written with `textContent`. gr.HTML's own template must not hold them: it
  compiles what Handlebars made of it as a JavaScript template literal, so "${...}" in a transcript would be executed.
* The webcam is gr.Image in streaming mode, where the newest frame wins. `mirror=False`, or the model would see mirrored
  writing; `concurrency_limit=None`, or the second user gets no frames while the first one streams.
"""

from collections.abc import Mapping
from pathlib import Path

import gradio as gr

from streamo_app.ui.api.components import UploadedFile
from streamo_app.ui.api.endpoint import endpoints
from streamo_app.ui.scripts import STATIC, js_on_load, scripts_path
from streamo_app.ui.visitor.messages import PageState, mapping
from streamo_app.ui.visitor.samples import SUGGESTIONS
from streamo_app.ui.visitor.sources import tabs
from streamo_app.ui.visitor.view import empty_view
from streamo_app.ui.visitor.visitor import Visitor
from streamo_app.ui.visitor.visitors import Visitors
from streamo_app.ui.visitor.voice import voice_settings
from streamo_app.video.camera import list_cameras

STYLES = ("style", "live", "lanes", "control", "keep", "voice")
TICK_S = 0.5
CAMERA_FPS = 2
"""Frames that the browser sends for each one that the model needs: the newest is then at most half a second old."""
UPLOAD_KEPT_S = 86400
"""An uploaded file is deleted after this long, since someone may be watching it until then."""

ABOUT = {
    "samples": "Rendered streets and rooms, each with suggestions that something in the clip answers.",
    "upload": "",
    "webcam": "Your video is sent to the machine that runs Streamo, and nowhere else.",
    "camera": "A camera connected to the machine that runs Streamo.",
    "address": "A stream or video file, opened by the machine that runs Streamo; a password in it is never shown.",
}
BUILT_IN_LIMITS = (
    "The built-in model was trained only on rendered streets and rooms and understands little else; the README "
    "explains how to run a larger one."
)
PRIVATE = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
"""Of the events of the page itself: not queued, not listed as an API."""


def build(visitors: Visitors) -> gr.Blocks:
    with gr.Blocks(
        title="Streamo", analytics_enabled=False, fill_width=True, delete_cache=(3600, UPLOAD_KEPT_S)
    ) as blocks:
        session_id = gr.Textbox(visible="hidden", elem_id="session-id")
        report = gr.Textbox(visible="hidden")
        part("head", elem_id="head")
        with gr.Row(elem_id="board"):
            with gr.Column(elem_id="left"):
                gr.HTML(html_template=tabs(visitors.config), js_on_load=None, apply_default_css=False, elem_id="tabs")
                with gr.Column(elem_id="stage"):
                    part("player", elem_id="player-box")
                    cam = webcam()
                    upload = UploadedFile(
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
                    settings=settings(visitors),
                )
        part("foot", elem_id="foot")
        part("keep", elem_id="keep")
        wire_page(visitors, live, upload, report, session_id)
        wire_webcam(visitors, cam, session_id)

        def unload(request: gr.Request):
            visitors.left(request.session_hash)

        blocks.unload(unload)
        endpoints(visitors)
    return blocks


def wire_page(visitors: Visitors, live: gr.HTML, upload: gr.File, report: gr.Textbox, session_id: gr.Textbox) -> None:
    """Ticks, clicks and uploads. `report` holds what the page sends with a tick."""

    def visitor_of(page: Mapping[str, object], request: gr.Request) -> Visitor:
        return visitors.open_tab(str(page.get("id") or ""), request.session_hash, str(page.get("owner") or ""))

    def tick(sent: str, known_id: str, request: gr.Request):
        if not sent:  # its scripts have not run yet
            return gr.skip(), gr.skip()
        page = mapping(sent)
        try:
            visitor = visitor_of(page, request)
        except ValueError as error:
            return empty_view(str(error)), ""
        id = visitor.session.id
        return visitor.tick(PageState.read(page)), gr.skip() if known_id == id else id

    def act(event: gr.EventData, request: gr.Request):
        sent = mapping(event._data)
        page = mapping(sent.get("page"))
        try:
            visitor = visitor_of(page, request)
        except ValueError as error:
            return empty_view(str(error))
        return visitor.handle(sent, PageState.read(page))

    def uploaded(path: str | None, sent: str):
        page = mapping(sent)
        visitor = visitors.find(str(page.get("id") or ""))
        return visitor.uploaded(Path(path), PageState.read(page)) if visitor and path else gr.skip(), None

    gr.Timer(TICK_S).tick(
        tick,
        [report, session_id],
        [live, session_id],
        js="(sent, id) => [window.streamo ? window.streamo.report() : '', id]",
        **PRIVATE,
    )
    live.act(act, None, live, trigger_mode="multiple", **PRIVATE)
    upload.upload(
        uploaded, [upload, report], [live, upload], js="(file, sent) => [file, window.streamo.report()]", **PRIVATE
    )


def wire_webcam(visitors: Visitors, cam: gr.Image, session_id: gr.Textbox) -> None:
    def frame(image, known_id: str):
        visitor = visitors.find(known_id)
        if visitor and image is not None:
            visitor.frame(image)

    cam.stream(
        frame,
        [cam, session_id],
        None,
        stream_every=1 / (CAMERA_FPS * visitors.engine.info.fps),
        time_limit=600,
        concurrency_limit=None,
        show_progress="hidden",
        api_visibility="private",
    )


def part(name: str, **options) -> gr.HTML:
    """A static piece of the page, which scripts fill."""
    return gr.HTML(html_template=text(f"{name}.html"), js_on_load=None, apply_default_css=False, **options)


def text(name: str) -> str:
    return (STATIC / name).read_text(encoding="utf-8")


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


def settings(visitors: Visitors) -> dict:
    """What the page's scripts need from the start."""
    clips = [
        {"name": clip.name, "title": clip.title, "path": str(clip.path), "ask": list(clip.ask)}
        for clip in visitors.clips
    ]
    may = {"longer": not visitors.config.exposed, "models": visitors.config.models_allowed}
    cameras = [list(camera) for camera in list_cameras()] if visitors.config.camera_allowed else []
    voice = voice_settings(microphone=visitors.config.camera_allowed, loudspeaker=not visitors.config.exposed)
    return {
        "scripts": scripts_path(),
        "clips": clips,
        "suggest": SUGGESTIONS,
        "about": ABOUT,
        "limits": BUILT_IN_LIMITS,
        "may": may,
        "cameras": cameras,
        "voice": voice,
    }
