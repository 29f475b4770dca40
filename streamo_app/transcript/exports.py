"""The files a transcript is exported to: SubRip, WebVTT, JSON Lines, Markdown. Pure text; every word in it is untrusted
and is escaped here.

Not the journal (`transcript/journal.py`), which is our own format and is read back.
"""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from streamo_app.events import Decided
from streamo_app.protocol import STATES

CUE_S = 3.0
"""A response stays on screen this long, or until the next one of its lane."""
ARROW = "-->"


@dataclass(frozen=True)
class Cue:
    """One response as a subtitle."""

    start_s: float
    end_s: float
    lane: int
    text: str


def one_line(text: str) -> str:
    """Runs of white space and control characters become one space; a blank line would end a cue."""
    return " ".join("".join(ch if ch.isprintable() else " " for ch in text).split())


def clock_time(seconds: float) -> str:
    """ "mm:ss", or "h:mm:ss" from one hour on."""
    hours, rest = divmod(int(seconds), 3600)
    return f"{hours}:{rest // 60:02d}:{rest % 60:02d}" if hours else f"{rest // 60:02d}:{rest % 60:02d}"


def stamp(seconds: float, point: str) -> str:
    """hh:mm:ss and milliseconds after `point`, as subtitles write it."""
    ms = round(seconds * 1000)
    return f"{ms // 3_600_000:02d}:{ms // 60_000 % 60:02d}:{ms // 1000 % 60:02d}{point}{ms % 1000:03d}"


def srt(cues: Iterable[Cue]) -> str:
    """SubRip has no escapes, so an arrow inside a text loses its middle: a player might take the line for a time."""
    blocks = (
        f"{n}\n{stamp(cue.start_s, ',')} {ARROW} {stamp(cue.end_s, ',')}\n{one_line(cue.text).replace(ARROW, '->')}\n"
        for n, cue in enumerate(cues, 1)
    )
    return "\n".join(blocks)


def vtt(cues: Iterable[Cue]) -> str:
    """WebVTT with `&`, `<` and `>` escaped, so that no tag and no arrow of the model's or the user's gets through."""
    blocks = (
        f"\n{n}\n{stamp(cue.start_s, '.')} {ARROW} {stamp(cue.end_s, '.')}\n{escape_vtt(cue.text)}\n"
        for n, cue in enumerate(cues, 1)
    )
    return "WEBVTT\n" + "".join(blocks)


def escape_vtt(text: str) -> str:
    return one_line(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def decision(decided: Decided, instruction: str) -> dict:
    """One second of one lane; the keys are a contract that scripts rely on. `instruction` is the one that opened the
    lane."""
    return {
        "second": decided.second,
        "lane": decided.lane,
        "instruction": instruction,
        "state": decided.state.value,
        "text": decided.text,
        "p": {state.value: round(p, 6) for state, p in zip(STATES, decided.p, strict=True)},
        "ms": round(decided.ms, 3),
        "skipped": decided.skipped,
    }


def jsonl_line(decided: Decided, instruction: str) -> str:
    return json.dumps(decision(decided, instruction), ensure_ascii=False)


def escape_markdown(text: str) -> str:
    """Punctuation that Markdown, GitHub's mathematics or HTML would read as markup is escaped, links included."""
    text = re.sub(r"([\\`*_{}\[\]()#+\-!|~$:@=^])", r"\\\1", one_line(text))
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def markdown(title: str, rows: Sequence, instructions: dict[int, str]) -> str:
    """A heading, the instructions, then a list of what was asked and said; `rows` are `transcript.Row`."""
    lines = [f"# {escape_markdown(title) or 'Transcript'}", ""]
    lines += [f"{lane}. {escape_markdown(text)}" for lane, text in instructions.items()]
    lines += [""] if instructions else []
    for row in rows:
        if row.partial:
            continue
        who = f" {row.lane}" if row.lane else ""
        words = escape_markdown(row.text)
        lines.append(
            f"- **{clock_time(row.second)}**{who} " + (words if row.kind == "response" else f"*{row.kind}: {words}*")
        )
    return "\n".join(lines) + "\n"
