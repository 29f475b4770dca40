"""Watching a video for a program: the decisions of one file, as they are made. No Gradio in here (`ui/api/endpoint.py`
has the endpoint).

A call is a session like a visitor's: it takes a seat, keeps no journal, and ends when its caller goes.
"""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

from streamo_app.events import Asked, Decided, Ended, Failed, Noticed
from streamo_app.live.snapshot import END
from streamo_app.protocol import INSTRUCTION_CHARS, NARRATE, parse_ask
from streamo_app.transcript.exports import clock_time, decision
from streamo_app.ui.visitor.visitors import Visitors
from streamo_app.video.source import FileSource

LONGEST_S = 3600
"""Of a video in one call: at 40 seconds a second that is a minute and a half."""
ALIVE_S = 1.0
"""How often a call that waits for the model shows that it is still there."""


def read_instructions(text: object, most: int) -> list[tuple[int, str]]:
    """ "[SECOND:]TEXT" lines to (turn, instruction); none at all narrates. Raises ValueError (one sentence)."""
    if not isinstance(text, str) or len(text) > most * (INSTRUCTION_CHARS + 20):
        raise ValueError("The instructions are no text, or too long; send one [SECOND:]TEXT a line.")
    asks = [parse_ask(line) for line in text.splitlines() if line.strip()]
    return asks or [(0, NARRATE)]


async def decisions(desks: Visitors, path: Path, instructions: object) -> AsyncIterator[dict]:
    """One object per second and lane, as `watch --format jsonl` writes them. Raises ValueError (one sentence): what was
    given is no video, is too long, or is cut off, an instruction is bad, no seat is free, or the model failed. Closing
    or cancelling it ends the session."""
    asks = read_instructions(instructions, desks.config.max_lanes)
    loop, events = asyncio.get_running_loop(), asyncio.Queue()
    source = await asyncio.to_thread(FileSource, path)
    if (source.duration_s or 0) > LONGEST_S:
        raise ValueError(
            f"The video is {clock_time(source.duration_s)} long; one call watches at most {clock_time(LONGEST_S)}. Send a part of it."
        )
    session = desks.guest()
    unsubscribe = session.subscribe(lambda event: loop.call_soon_threadsafe(events.put_nowait, event))
    try:
        await asyncio.to_thread(session.start, source, asks=asks, no_new_lanes=True)
        async for made in _follow(desks, session.id, events):
            yield made
    finally:
        unsubscribe()
        # Not waited for: it takes up to 2 s, and a call that was cancelled may wait for nothing any more.
        loop.run_in_executor(None, desks.sessions.end, session.id)


async def _follow(desks: Visitors, session_id: str, events: asyncio.Queue) -> AsyncIterator[dict]:
    names: dict[int, str] = {}
    notice = ""
    while True:
        desks.sessions.seen(session_id)
        try:
            event = await asyncio.wait_for(events.get(), ALIVE_S)
        except TimeoutError:
            continue
        match event:
            case Asked(_, lane, text):
                names.setdefault(lane, text)
            case Decided(second, lane) if second < LONGEST_S:
                yield decision(event, names.get(lane, ""))
            case Decided():  # a container that lied about its length
                raise ValueError(
                    f"The video is longer than the {clock_time(LONGEST_S)} that one call watches; send a part of it."
                )
            case Noticed(_, message):
                notice = message
            case Failed(_, message):
                raise ValueError(message)
            case Ended(_, reason):
                if reason != END:
                    raise ValueError(notice or reason)
                return
