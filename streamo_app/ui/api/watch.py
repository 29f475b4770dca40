"""Watching a video for a program: the decisions of one file, as they are made. No Gradio in here; the endpoint is in
`ui/api/endpoint.py`.

A call is a session like a visitor's: it takes a seat, keeps no journal, and ends when its caller disconnects.
"""

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

from streamo_app.events import Asked, Decided, Ended, Event, Failed, Noticed
from streamo_app.live.snapshot import END
from streamo_app.protocol import INSTRUCTION_CHARS, NARRATE, parse_ask
from streamo_app.transcript.exports import clock_time, decision
from streamo_app.ui.visitor.visitors import Visitors
from streamo_app.video.source import FileSource

LONGEST_S = 3600
"""Of a video in one call: at 40 seconds of video per second, a minute and a half."""
ALIVE_S = 1.0
"""How often a call that waits for the model gives a sign of life."""


def read_instructions(text: object, most: int) -> list[tuple[int, str]]:
    """Lines "[SECOND:]TEXT" as (turn, instruction); without any it narrates. Raises ValueError (one sentence)."""
    if not isinstance(text, str) or len(text) > most * (INSTRUCTION_CHARS + 20):
        raise ValueError("The instructions are not text, or too long; send one [SECOND:]TEXT per line.")
    asks = [parse_ask(line) for line in text.splitlines() if line.strip()]
    return asks or [(0, NARRATE)]


async def decisions(visitors: Visitors, path: Path, instructions: object) -> AsyncGenerator[dict, None]:
    """One object per second and lane, as `watch --format jsonl` writes them. Closing or cancelling it ends the session.

    Raises ValueError (one sentence): the file is not a video, too long or truncated, an instruction is bad, no seat is
    free, or the model failed."""
    asks = read_instructions(instructions, visitors.config.max_lanes)
    loop = asyncio.get_running_loop()
    events: asyncio.Queue[Event] = asyncio.Queue()
    source = await asyncio.to_thread(FileSource, path)
    duration_s = source.duration_s or 0
    if duration_s > LONGEST_S:
        raise ValueError(
            f"The video is {clock_time(duration_s)} long; one call watches at most {clock_time(LONGEST_S)}. "
            "Send a part of it."
        )
    session = visitors.guest()
    unsubscribe = session.subscribe(lambda event: loop.call_soon_threadsafe(events.put_nowait, event))
    try:
        await asyncio.to_thread(session.start, source, asks=asks, no_new_lanes=True)
        async for made in _follow(visitors, session.id, events):
            yield made
    finally:
        unsubscribe()
        # Not awaited: it takes up to 2 s, and a cancelled call may not await anything any more.
        loop.run_in_executor(None, visitors.sessions.end, session.id)


async def _follow(visitors: Visitors, session_id: str, events: asyncio.Queue[Event]) -> AsyncGenerator[dict, None]:
    names: dict[int, str] = {}
    notice = ""
    while True:
        visitors.sessions.seen(session_id)
        try:
            event = await asyncio.wait_for(events.get(), ALIVE_S)
        except TimeoutError:
            continue
        match event:
            case Asked(_, lane, text):
                names.setdefault(lane, text)
            case Decided(second, lane) if second < LONGEST_S:
                yield decision(event, names.get(lane, ""))
            case Decided():  # the file is longer than its header says
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
