"""Server-side state of one browser tab (`Visitor`); forwards its actions to the session. No Gradio in here.

The session itself (`live/session.py`) knows nothing of pages. Everything that a page sends is checked before it gets
there: a browser can send anything.

Thread safety: several web threads of one page may call at the same time. `_handling` keeps two actions apart; ticks and
frames only read, and what they read is set in one assignment.
"""

import logging
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from streamo_app.config import AppConfig
from streamo_app.live.session import Session
from streamo_app.live.snapshot import Snapshot
from streamo_app.memory import gpu_bytes, rss_bytes
from streamo_app.protocol import NARRATE
from streamo_app.ui.visitor.messages import Action, PageState
from streamo_app.ui.visitor.model_switch import ModelSwitch
from streamo_app.ui.visitor.preview import Preview
from streamo_app.ui.visitor.samples import SampleClip
from streamo_app.ui.visitor.saved import SavedItems
from streamo_app.ui.visitor.settings import RunSettings, change_model, read_settings
from streamo_app.ui.visitor.sources import chosen_file, open_chosen
from streamo_app.ui.visitor.stats import Usage, stats
from streamo_app.ui.visitor.view import render_control, render_run
from streamo_app.ui.visitor.voice import Voice
from streamo_app.video.source import BrowserSource, PlayerSource, Source

UNEXPECTED = "Something went wrong on the server. Try again; if it happens again, look at the server's log."
UNKNOWN_ACTION = "This server does not know what the page asked for; reload the page."
ANSWERED = ("start", "ask", "follow", "captions")
"""Actions that the page waits for."""

log = logging.getLogger(__name__)


class Visitor:
    def __init__(
        self,
        session: Session,
        clips: Mapping[str, SampleClip],
        saved: SavedItems,
        voice: Voice,
        config: AppConfig,
        switch: ModelSwitch,
    ):
        self.session, self.saved, self.voice = session, saved, voice
        self.upload: Path | None = None
        """The file that this visitor uploaded last."""
        self._clips, self._config, self._switch = clips, config, switch
        self._settings = RunSettings()
        self._address = self._address_title = ""
        """The stream that they used last: its address, which is never sent to a page since it may hold a password, and
        what is shown of it."""
        self._choice, self._clip, self._show = "", "", ""
        """Of the run shown: its source, its sample clip, and what the stage shows (player | preview | webcam)."""
        self._source: Source | None = None
        self._run = 0
        """Number of that run: a page's player position counts only for the run that the page shows."""
        self._message = ""
        self._answers: dict[str, dict] = {}
        """Name of an action -> {"n": the page's number of the last one answered, "refused": whether `_message` says why
        not}."""
        self._handling = threading.Lock()
        self._handlers: Mapping[str, Callable[[Action], object]] = {
            "start": self._start,
            "stop": lambda action: session.stop(),
            "ask": lambda action: session.ask(action.text("text")),
            "follow": lambda action: session.ask(action.text("text"), action.lane),
            "remove": lambda action: session.remove_lane(action.lane),
            "mute": lambda action: session.mute(action.lane, action.flag("muted")),
            "talk": lambda action: session.talk(action.lane, action.number("talk")),
            "pause": lambda action: session.pause(True),
            "resume": lambda action: session.pause(False),
            "settings": self._change_settings,
            "model": lambda action: change_model(switch, action, config),
            "past": lambda action: saved.list_past(),
            "delete": lambda action: saved.delete(action.raw("name")),
            "reopen": self._reopen,
            "captions": lambda action: saved.caption_video.make(),
            "no captions": lambda action: saved.caption_video.drop(),
            "say": lambda action: voice.say(action.n, action.raw("sound")),
            "listen": lambda action: voice.listen(action.n),
            "listened": self._stop_listening,
            "chime": lambda action: voice.chime(action.flag("on")),
            "forget upload": self._forget_upload,
        }

    def view(self, page: PageState) -> dict:
        """Everything that changed since `page` was drawn, as `static/*.js` draw it (`ui/visitor/view.py`)."""
        snapshot = self.session.snapshot(page.after)
        same_run = page.run == snapshot.run
        if not same_run:
            snapshot = self.session.snapshot()
        after, since = (page.after, page.second) if same_run else (0, -1)
        picture = (page.picture, "")
        if isinstance(self._source, Preview):
            picture = self._source.picture(page.picture if same_run else -1.0)
        view = render_run(snapshot, since)
        return view | {
            "id": self.session.id,
            "run": snapshot.run,
            "after": after,
            "since": since,
            "choice": self._choice,
            "clip": self._clip,
            "show": self._show,
            "upload": str(self.upload or ""),
            "answers": dict(self._answers),
            "picture": picture[0],
            "preview": picture[1],
            "numbers": stats(snapshot, self.session.info, self._usage()),
            "control": self._control(snapshot),
            "voice": self.voice.view(),
            "keep": self.saved.view(page.past),
            "message": self._message or self._without_path(view["message"]),
            "notice": not self._message and snapshot.status != "failed",
        }

    def tick(self, page: PageState) -> dict:
        source = self._source
        if isinstance(source, PlayerSource) and page.run == self._run:
            source.at(page.position, paused=page.paused, ended=page.ended)
        return self.view(page)

    def frame(self, image: np.ndarray) -> None:
        """A frame of the browser's webcam, (H, W, 3) uint8 RGB."""
        source = self._source
        if isinstance(source, BrowserSource) and self.session.status == "running":
            source.push(image)

    def handle(self, sent: object, page: PageState) -> dict:
        """Do what a click asks for. What cannot be done becomes one sentence in the view's `message`."""
        action = Action.read(sent)
        with self._handling:
            self._message = ""
            try:
                if action.name not in self._handlers:
                    raise ValueError(UNKNOWN_ACTION)
                self._handlers[action.name](action)
            except ValueError as error:
                self._message = self._without_path(str(error))
            except Exception:
                log.exception("the page asked for %r and it failed", action.name)
                self._message = UNEXPECTED
            if action.name in ANSWERED:
                self._answers[action.name] = {"n": action.n, "refused": bool(self._message)}
        return self.view(page)

    def uploaded(self, path: Path, page: PageState) -> dict:
        """The visitor chose a file; `path` is Gradio's copy."""
        self.upload, self._message = path, ""
        return self.view(page)

    def show_message(self, sentence: str) -> None:
        """Until the next click."""
        self._message = sentence

    def show_journal(self) -> None:
        """The session shows a run out of its journal: bring its sample clip, if it had one, back on the stage."""
        header = self.session.header
        clip = str(header.get("clip", ""))
        known = header.get("choice") == "samples" and clip in self._clips
        self._source = None
        self._choice, self._clip, self._show = ("samples", clip, "player") if known else ("", "", "")
        self.saved.caption_video.show_journal(self._clips[clip].path if known else None)
        self._run = self.session.snapshot().run

    def _start(self, action: Action) -> None:
        """Words still in the box are asked too. Instructions of the last run are asked again, in fresh lanes; with none
        at all it narrates."""
        choice, clip = action.text("choice"), action.text("clip")
        address = action.text("address").strip() or self._address
        path = chosen_file(choice, clip, self._clips, self.upload)
        source = open_chosen(action, path=path, address=address, config=self._config)
        try:
            if action.text("text").strip():
                self.session.ask(action.text("text"))
            has_instructions = any(lane.open for lane in self.session.snapshot().lanes)
            settings = self._settings.fitting(self.session.info)
            watched = self.saved.caption_video.recorded(source, action.flag("keep"))
            self.session.start(
                watched,
                fps=settings.fps,
                window=settings.window,
                asks=[] if has_instructions else [(0, NARRATE)],
                keep_lanes=True,
                metadata={"choice": choice, "clip": clip} if choice == "samples" else {"choice": choice},
            )
        except Exception:
            source.close()
            raise
        self.saved.caption_video.run_started(watched)
        self._run = self.session.snapshot().run
        self._source, self._choice, self._clip = source, choice, clip
        if choice == "address":
            self._address, self._address_title = address, source.title
        self._show = "webcam" if choice == "webcam" else "preview" if isinstance(source, Preview) else "player"

    def _change_settings(self, action: Action) -> None:
        self._settings = read_settings(action, self.session.info, self._config)

    def _reopen(self, action: Action) -> None:
        self.session.reopen(self.saved.archive.finished(action.raw("name")))
        self.show_journal()

    def _stop_listening(self, action: Action) -> None:
        if action.flag("drop"):
            self.voice.close_microphone()
        else:
            self.voice.listened(action.n)

    def _forget_upload(self, action: Action) -> None:
        self.upload = None

    def _usage(self) -> Usage:
        return Usage(
            lanes=self.session.stats()["lanes"],
            memory=rss_bytes(),
            gpu=gpu_bytes() if self.session.info.device.startswith("cuda") else None,
            live=self._source is not None and self._source.live,
        )

    def _control(self, snapshot: Snapshot) -> dict:
        source = self._source
        on_server = source is not None and not isinstance(source, PlayerSource)
        return render_control(
            snapshot,
            self.session.info,
            self._settings,
            self._switch.state(),
            address=self._address_title,
            holds=snapshot.status == "running" and on_server,
        )

    def _without_path(self, sentence: str) -> str:
        """Where this server stores an upload is not for the page: the file's name says enough."""
        return sentence.replace(str(self.upload), self.upload.name) if self.upload else sentence
