"""What a page shows, as the plain values that `static/*.js` draw (a "view"). Pure: no Gradio, no threads.

Nothing here is HTML. Texts stay what the user and the model wrote; the page writes them as text.
"""

from collections.abc import Mapping, Sequence

from streamo_app.config import BUILT_IN_MODEL
from streamo_app.live.snapshot import LaneView, Snapshot
from streamo_app.models.interface import ModelInfo
from streamo_app.transcript.archive import Entry
from streamo_app.transcript.transcript import Cell, Row
from streamo_app.ui.visitor.settings import LONGER, RunSettings
from streamo_app.ui.visitor.voice import empty_voice


def render_run(snapshot: Snapshot, drawn: int = -1) -> dict:
    """A run as it is now. `drawn`: newest second of which the page has a cell.

    That second is sent again: its lanes decide one after another, and the page may have seen it before all of them
    had.
    """
    return {
        "seq": snapshot.seq,
        "status": snapshot.status,
        "message": snapshot.message,
        "source": snapshot.source,
        "second": snapshot.second,
        "decided": snapshot.decided,
        "lanes": [render_lane(lane, drawn) for lane in snapshot.lanes],
        "rows": [render_row(row) for row in snapshot.rows],
    }


def render_lane(lane: LaneView, drawn: int) -> dict:
    return {
        "lane": lane.lane,
        "text": lane.instruction,
        "follow_ups": list(lane.follow_ups),
        "open": lane.open,
        "muted": lane.muted,
        "talk": lane.talkativeness,
        "state": lane.state,
        "p": [round(share, 3) for share in lane.p] if lane.p else None,
        "cells": [render_cell(cell) for cell in lane.cells if cell.second + cell.seconds - 1 >= drawn],
    }


def render_cell(cell: Cell) -> list:
    """[second, state, seconds, p of silence, standby, response]: a list, since a page that reloads gets thousands."""
    return [cell.second, cell.state, cell.seconds, *(round(share, 2) for share in cell.p)]


def render_row(row: Row) -> dict:
    names = ("key", "second", "lane", "kind", "text", "partial", "follow_up")
    return {name: getattr(row, name) for name in names}


def render_control(
    snapshot: Snapshot, info: ModelInfo, settings: RunSettings, switch: dict, *, address: str = "", holds: bool = False
) -> dict:
    """Pause, settings and model. `holds`: the server pauses this run, not the player; `address`: title of the one used
    last."""
    return {
        "paused": snapshot.paused,
        "holds": holds,
        "fps": settings.fps or info.fps,
        "window": settings.window or info.window,
        "address": address,
        "model": {
            "name": info.name,
            "device": info.device,
            "quantize": info.quantize,
            "fps": info.fps,
            "window": info.window,
            "longest": info.window * LONGER,
            "built_in": info.name == BUILT_IN_MODEL,
        },
        "switch": switch,
    }


def render_saved(header: Mapping, boot: str, keeps_sessions: bool, number: int, past: Sequence[Entry] | None) -> dict:
    """`header` of the run shown; `past`: list `number` of past sessions, or None when the page has it already."""
    return {
        "boot": boot,
        "started": str(header.get("started", "")),
        "lasting": keeps_sessions,
        "list": number,
        "past": None if past is None else [render_entry(entry) for entry in past],
    }


def render_entry(entry: Entry) -> dict:
    names = ("name", "started", "source", "seconds", "responses", "instructions", "instruction", "trouble", "running")
    return {name: getattr(entry, name) for name in names}


def empty_view(message: str) -> dict:
    """What a page without a session shows: why it has none. It waits for a seat, so this is a notice, not an error."""
    control = {"paused": False, "holds": False, "fps": 1, "window": 0, "address": "", "model": None, "switch": None}
    saved = render_saved({}, "", False, 0, None) | {"film": "", "job": None}
    return {
        "status": "idle",
        "message": message,
        "notice": True,
        "answers": {},
        "control": control,
        "keep": saved,
        "voice": empty_voice(),
        "lanes": [],
        "rows": [],
        "numbers": [],
        **{"run": 0, "seq": 0, "after": 0, "since": -1, "second": 0, "decided": 0, "picture": -1},
        **dict.fromkeys(("id", "source", "choice", "clip", "show", "upload", "preview"), ""),
    }
