"""A snapshot of a session as the plain values that `static/*.js` draw (a "view"). Pure: no Gradio, no threads.

Nothing here is HTML. Texts stay what the user and the model wrote; the page writes them as text.
"""

from streamo_app.models.interface import ModelInfo
from streamo_app.session import LaneView, Snapshot
from streamo_app.transcript import Cell, Row
from streamo_app.ui.desk_voice import empty_voice
from streamo_app.ui.render_keep import empty_keep


def render_run(snapshot: Snapshot, info: ModelInfo, drawn: int = -1) -> dict:
    """What a run looks like now. `drawn` = newest second of which the page has a cell.

    That second is sent again: its lanes decide one after another, and the page may have seen it when some of them had not yet.
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
        "numbers": numbers(snapshot, info),
    }


def empty_view(message: str) -> dict:
    """What a page shows that has no session: why."""
    texts = dict.fromkeys(("id", "source", "choice", "clip", "show", "upload", "preview"), "")
    lists = {"lanes": [], "rows": [], "numbers": []}
    return {"run": 0, "seq": 0, "status": "idle", "message": message, "second": 0, "decided": 0, "picture": -1, "answers": {}, "notice": False, "keep": empty_keep(), "voice": empty_voice(), **texts, **lists}


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
    """[second, state, seconds, p of silence, standby, response]: a list, since a page that comes back gets thousands."""
    return [cell.second, cell.state, cell.seconds, *(round(share, 2) for share in cell.p)]


def render_row(row: Row) -> dict:
    names = ("key", "second", "lane", "kind", "text", "partial", "follow_up")
    return {name: getattr(row, name) for name in names}


def numbers(snapshot: Snapshot, info: ModelInfo) -> list[tuple[str, str, str]]:
    """(value, label, what it means) of the line at the foot of the page; a number that nobody measured is left out."""
    shown = []
    if snapshot.ms_p50 is not None:
        shown.append((milliseconds(snapshot.ms_p50), "per second of video", "Model time for one second of video, all instructions together: the median of the last two minutes"))
        shown.append((milliseconds(snapshot.ms_p95), "p95", "19 of 20 seconds of video took less model time than this"))
    if snapshot.lag_s is not None:
        shown.append((f"{max(0.0, snapshot.lag_s):.1f} s", "behind", "Age of the pictures that were decided on last"))
    if snapshot.decided:
        shown.append((f"{snapshot.skipped} s", "skipped", "Seconds that nobody looked at: the model was slower than the video, or the player jumped over them"))
    device = info.device if info.quantize == "none" else f"{info.device}, {info.quantize}"
    shown.append((info.name, f"on {device}", "The model that decides, and where it runs"))
    return shown


def milliseconds(value: float) -> str:
    return f"{value:.0f} ms" if value < 1000 else f"{value / 1000:.1f} s"
