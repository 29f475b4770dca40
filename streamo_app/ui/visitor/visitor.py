"""One visitor's desk: which source his page is set to, and his clicks handed on to his session. No Gradio in here.

Not the session (`session.py`), which knows no page. Everything that comes from a page is checked here: a browser can
send anything.

Thread safety: web threads of one page may call at the same time. `_acting` keeps two actions apart; ticks and frames
only read, and what they read is set in one assignment.
"""

import logging
import math
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from streamo_app.config import AppConfig
from streamo_app.live.session import Session
from streamo_app.live.snapshot import Snapshot
from streamo_app.memory import gpu_bytes, rss_bytes
from streamo_app.protocol import NARRATE
from streamo_app.ui.visitor.model_switch import Switch
from streamo_app.ui.visitor.preview import Preview
from streamo_app.ui.visitor.samples import SampleClip
from streamo_app.ui.visitor.saved import SavedItems
from streamo_app.ui.visitor.settings import Wanted, change_model, control_view, read_wanted
from streamo_app.ui.visitor.sources import chosen_file, open_chosen
from streamo_app.ui.visitor.stats import Usage, numbers
from streamo_app.ui.visitor.view import render_run
from streamo_app.ui.visitor.voice import Voice
from streamo_app.video.source import BrowserSource, PlayerSource

UNEXPECTED = "Something went wrong on the server; try again, and see its log if it happens again."

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PageState:
    """What a page says of itself with each call."""

    run: int = -1
    """Run that it has drawn; its `after` and `second` count for that one only."""
    after: int = 0
    second: int = -1
    """Newest second in its strips."""
    picture: float = -1.0
    """Second of the preview that it shows."""
    position: float = 0.0
    """Where its player stands, in seconds."""
    paused: bool = True
    ended: bool = False
    past: int = 0
    """Number of the list of past sessions that it has drawn."""

    @classmethod
    def read(cls, sent: object) -> "PageState":
        """From untrusted JSON; what is not understood is taken as not said."""
        sent = sent if isinstance(sent, Mapping) else {}
        whole = {
            name: int(number(sent.get(name), default))
            for name, default in (("run", -1), ("after", 0), ("second", -1), ("past", 0))
        }
        position = max(0.0, number(sent.get("t"), 0.0))
        return cls(
            **whole,
            picture=number(sent.get("picture"), -1.0),
            position=position,
            paused=sent.get("paused") is not False,
            ended=sent.get("ended") is True,
        )


def number(value: object, default: float) -> float:
    usable = (
        isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e15 and math.isfinite(value)
    )
    return value if usable else default


class Visitor:
    def __init__(
        self,
        session: Session,
        clips: Mapping[str, SampleClip],
        keep: SavedItems,
        voice: Voice,
        config: AppConfig,
        switch: Switch,
    ):
        self.session, self.keep, self.voice = session, keep, voice
        self.upload: Path | None = None
        """The file that this visitor uploaded last."""
        self._clips, self._config, self._switch = clips, config, switch
        self._wanted = Wanted()
        self._address = self._address_title = ""
        """Of the stream that he used last: the address, which never goes to a page since a password may be in it, and
        what is shown of it."""
        self._choice, self._clip, self._show = "", "", ""
        """Of the run under way or just over: its source, and what the stage shows (player | preview | webcam)."""
        self._source = None
        self._run = 0
        """Number of that run: what a page says of its player counts for the run that it shows."""
        self._complaint = ""
        self._answers: dict[str, dict] = {}
        """Kind of action -> {"n": the page's number of the last one answered, "refused": whether `_complaint` says why
        not}."""
        self._acting = threading.Lock()

    def look(self, report: PageState) -> dict:
        """A view (`ui/visitor/view.py`) of everything that changed since `report`."""
        snapshot = self.session.snapshot(report.after)
        known = report.run == snapshot.run
        if not known:
            snapshot = self.session.snapshot()
        after, since = (report.after, report.second) if known else (0, -1)
        view = render_run(snapshot, since) | {"after": after, "since": since} | self._numbers(snapshot)
        picture = (report.picture, "")
        if isinstance(self._source, Preview):
            picture = self._source.picture(report.picture if known else -1.0)
        desk = {
            "id": self.session.id,
            "run": snapshot.run,
            "choice": self._choice,
            "clip": self._clip,
            "show": self._show,
        }
        desk |= {
            "upload": str(self.upload or ""),
            "answers": dict(self._answers),
            "picture": picture[0],
            "preview": picture[1],
            "voice": self.voice.view(),
        }
        notice = not self._complaint and snapshot.status != "failed"
        desk["keep"] = self.keep.look(report.past)
        return view | desk | {"message": self._complaint or self._private(view["message"]), "notice": notice}

    def tick(self, report: PageState) -> dict:
        source = self._source
        if isinstance(source, PlayerSource) and report.run == self._run:
            source.at(report.position, paused=report.paused, ended=report.ended)
        return self.look(report)

    def frame(self, image: np.ndarray) -> None:
        """A picture of the browser's webcam, (H, W, 3) uint8 RGB."""
        source = self._source
        if isinstance(source, BrowserSource) and self.session.status == "running":
            source.push(image)

    def _numbers(self, snapshot: Snapshot) -> dict:
        info, source = self.session.info, self._source
        drops = source is not None and source.live
        usage = Usage(
            self.session.stats()["lanes"], rss_bytes(), gpu_bytes() if info.device.startswith("cuda") else None, drops
        )
        holds = snapshot.status == "running" and source is not None and not isinstance(source, PlayerSource)
        control = control_view(
            snapshot, info, self._wanted, self._switch.state(), address=self._address_title, holds=holds
        )
        return {"numbers": numbers(snapshot, info, usage), "control": control}

    def act(self, what: Mapping, report: PageState) -> dict:
        """A click. What cannot be done becomes one sentence in the view's `message`."""
        action = str(what.get("do"))
        with self._acting:
            self._complaint = ""
            try:
                self._do(action, what)
            except ValueError as error:
                self._complaint = self._private(str(error))
            except Exception:
                log.exception("the page asked for %r and it failed", action)
                self._complaint = UNEXPECTED
            if action in ("start", "ask", "follow", "captions"):
                self._answers[action] = {"n": number(what.get("n"), 0), "refused": bool(self._complaint)}
        return self.look(report)

    def uploaded(self, path: Path, report: PageState) -> dict:
        """The visitor chose a file; `path` is Gradio's copy."""
        self.upload, self._complaint = path, ""
        return self.look(report)

    def complain(self, sentence: str) -> None:
        """Say it until the next click."""
        self._complaint = sentence

    def show_header(self) -> None:
        """The session shows a run out of its journal: its sample clip is on the stage again, where there was one."""
        header = self.session.header
        clip = str(header.get("clip", ""))
        known = header.get("choice") == "samples" and clip in self._clips
        self._source = None
        self._choice, self._clip, self._show = ("samples", clip, "player") if known else ("", "", "")
        self.keep.film.shows(self._clips[clip].path if known else None)
        self._run = self.session.snapshot().run

    def _do(self, action: str, what: Mapping) -> None:
        match action:
            case "start":
                self._start(what, max(0.0, number(what.get("from"), 0.0)))
            case "stop":
                self.session.stop()
            case "ask":
                self.session.ask(str(what.get("text") or ""))
            case "follow":
                self.session.ask(str(what.get("text") or ""), int(number(what.get("lane"), 0)))
            case "remove":
                self.session.remove_lane(int(number(what.get("lane"), 0)))
            case "mute":
                self.session.mute(int(number(what.get("lane"), 0)), what.get("muted") is True)
            case "talk":
                self.session.talk(int(number(what.get("lane"), 0)), number(what.get("talk"), 0.0))
            case "pause" | "resume":
                self.session.pause(action == "pause")
            case "settings":
                self._wanted = read_wanted(what, self.session.info, self._config)
            case "model":
                change_model(self._switch, what, self._config)
            case "past" | "delete" | "captions" | "no captions":
                self.keep.act(action, what)
            case "reopen":
                self.session.reopen(self.keep.shelf.finished(what.get("name")))
                self.show_header()
            case "say" | "listen" | "listened" | "chime":
                self._speak(action, number(what.get("n"), 0), what)
            case "forget upload":
                self.upload = None
            case _:
                raise ValueError("The page asked for something this server does not know; reload it.")

    def _speak(self, action: str, n: float, what: Mapping) -> None:
        match action:
            case "say":
                self.voice.say(n, what.get("sound"))
            case "listen":
                self.voice.listen(n)
            case "listened" if what.get("drop") is True:
                self.voice.close_microphone()
            case "listened":
                self.voice.listened(n)
            case "chime":
                self.voice.chime(what.get("on") is True)

    def _start(self, what: Mapping, start_s: float) -> None:
        """Words still in the box are asked too. What stood in the last run stands again, in fresh lanes; with nothing
        at all it narrates. `start_s`: where a file begins; "keep" in `what`: a camera's pictures are kept too."""
        choice, clip, text = (str(what.get(name) or "") for name in ("choice", "clip", "text"))
        if choice == "address":
            what = {**what, "address": str(what.get("address") or "").strip() or self._address}
        source = open_chosen(
            choice, what, path=chosen_file(choice, clip, self._clips, self.upload), config=self._config, start_s=start_s
        )
        try:
            if text.strip():
                self.session.ask(text)
            standing = any(lane.open for lane in self.session.snapshot().lanes)
            wanted = self._wanted.fitting(self.session.info)
            metadata = {"choice": choice, "clip": clip} if choice == "samples" else {"choice": choice}
            watched = self.keep.film.recorded(source, what.get("keep") is True)
            self.session.start(
                watched,
                fps=wanted.fps,
                window=wanted.window,
                asks=[] if standing else [(0, NARRATE)],
                keep_lanes=True,
                metadata=metadata,
            )
        except Exception:
            source.close()
            raise
        self.keep.film.watches(watched)
        self._run = self.session.snapshot().run
        self._source, self._choice, self._clip = source, choice, clip
        if choice == "address":
            self._address, self._address_title = what["address"], source.title
        self._show = "webcam" if choice == "webcam" else "preview" if isinstance(source, Preview) else "player"

    def _private(self, sentence: str) -> str:
        """Where this machine keeps an upload is nobody's business: its name says enough."""
        return sentence.replace(str(self.upload), self.upload.name) if self.upload else sentence
