"""A snapshot of a session as the plain values that `static/*.js` draw (a "view"). Pure: no Gradio, no threads.

Nothing here is HTML. Texts stay what the user and the model wrote; the page writes them as text.
"""

from streamo_app.live.snapshot import LaneView, Snapshot
from streamo_app.transcript.transcript import Cell, Row
from streamo_app.ui.visitor.render_keep import empty_keep
from streamo_app.ui.visitor.settings import empty_control
from streamo_app.ui.visitor.voice import empty_voice


def render_run(snapshot: Snapshot, drawn: int = -1) -> dict:
    """What a run looks like now. `drawn` = newest second of which the page has a cell.

    That second is sent again: its lanes decide one after another, and the page may have seen it when some of them had
    not yet.
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


def empty_view(message: str) -> dict:
    """What a page shows that has no session: why. It waits, which is nothing wrong."""
    texts = dict.fromkeys(("id", "source", "choice", "clip", "show", "upload", "preview"), "")
    lists = {"lanes": [], "rows": [], "numbers": []}
    own = {"control": empty_control(), "keep": empty_keep(), "voice": empty_voice()}
    whole = {"run": 0, "seq": 0, "after": 0, "since": -1, "second": 0, "decided": 0, "picture": -1}
    return {"status": "idle", "message": message, "answers": {}, "notice": True, **own, **whole, **texts, **lists}


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
