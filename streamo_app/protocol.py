"""The wire format and time of Streamo: the only file that spells a state token or a time tag.

Two conventions of time live here, and nowhere else:

* **turn** (0-based): second `i` of the stream covers `[i, i+1)` and is tagged `<{i}s-{i+1}s>`. The app, the JSON output
  and `--ask` all use turns.
* **raw time** (1-based): what the public Streamo-Instruct records hold. `raw_turn` maps a raw time to its turn.

A dialogue is ChatML: one system message, then per second a user turn (instructions asked then, tag, images) and an
assistant turn (a state token and, after a response, its text). Standard library only; imported by the app and by
finetune.
"""

import math
import re
from enum import StrEnum

SYSTEM_PROMPT = (
    "You watch a live video, one second per turn. After each second choose one state: "
    "</Silence> when nothing asked for is there, </Standby> while something asked for is under way, "
    "</Response> followed by your words when it is time to speak."
)
"""Our own words. A checkpoint may bring its own in its `streamo.json`."""

INSTRUCTION_TOKENS = 256
"""An instruction is cut to this many tokens: a pinned one costs time every second of the stream."""
INSTRUCTION_CHARS = 4000
"""Checked before tokenising, so that a pasted book costs nothing. Longer input is refused, not cut: the user should
know."""


class State(StrEnum):
    """What the model decides for one second."""

    SILENCE = "silence"
    STANDBY = "standby"
    RESPONSE = "response"

    @property
    def token(self) -> str:
        return f"</{self.value.capitalize()}>"


STATES = (State.SILENCE, State.STANDBY, State.RESPONSE)
"""In the order of every probability triple, of `state_ids` and of the loss's weights."""
STATE_TOKENS = tuple(state.token for state in STATES)

IM_START, IM_END = "<|im_start|>", "<|im_end|>"

NARRATE = "Narrate what you see."
"""What a run is asked when nobody asks anything."""


def time_tag(turn: int) -> str:
    """Tag of turn `turn`: `time_tag(5)` is `<5s-6s>`."""
    return f"<{turn}s-{turn + 1}s>"


def span_text(first_turn: int, last_turn: int) -> str:
    """Answer to a grounding question, by tag edges: turns 3..8 are "From 3s to 9s."."""
    return f"From {first_turn}s to {last_turn + 1}s."


_SPAN = re.compile(r"(\d+(?:\.\d+)?)\s*s?\s*(?:to|-|\u2013|\u2014)\s*(\d+(?:\.\d+)?)\s*s\b")


def parse_span(text: str) -> tuple[float, float] | None:
    """(start, end) in seconds of the first span named in `text`, or None."""
    found = _SPAN.search(text)
    return (float(found[1]), float(found[2])) if found else None


def parse_seconds(value: int | float | str) -> float:
    """Seconds from a number, "12", "12.5", "MM:SS" or "HH:MM:SS".

    Raises ValueError naming the value when it is none of these, negative, or not finite.
    """
    try:
        if isinstance(value, bool):
            raise ValueError
        if isinstance(value, str) and ":" in value:
            parts = [float(part) for part in value.split(":")]
            if len(parts) > 3 or any(part >= 60 for part in parts[1:]) or any(part < 0 for part in parts):
                raise ValueError
            seconds = sum(part * 60**power for power, part in enumerate(reversed(parts)))
        else:
            seconds = float(value)
        if not math.isfinite(seconds) or seconds < 0:
            raise ValueError
    except (TypeError, ValueError):
        raise ValueError(f"{value!r} is not a time; give seconds (12 or 12.5) or MM:SS") from None
    return seconds


def raw_turn(time: int | float | str) -> int:
    """Turn (0-based) that a raw time (1-based, any form `parse_seconds` takes) names: `max(0, ceil(t) - 1)`.

    Rounding noise up to a microsecond does not move a whole second to the next turn.
    """
    return max(0, math.ceil(parse_seconds(time) - 1e-6) - 1)


def raw_time(turn: int) -> str:
    """Raw time of a turn, as the public records write it: turn 5 is "6"."""
    return str(turn + 1)


def clean_instruction(text: str) -> str:
    """One line of plain text from user input: runs of white space and control characters become one space.

    Raises ValueError when nothing is left or the text is longer than INSTRUCTION_CHARS. Special tokens stay in the
    text: they are made harmless where text becomes ids (`models/wire.py`), so that users see their own words in the
    transcript.
    """
    line = " ".join("".join(ch if ch.isprintable() else " " for ch in text).split())
    if not line:
        raise ValueError("The instruction is empty; type what to watch for.")
    if len(line) > INSTRUCTION_CHARS:
        raise ValueError(
            f"The instruction has {len(line)} characters; at most {INSTRUCTION_CHARS} are possible. Shorten it."
        )
    return line


def parse_ask(text: str) -> tuple[int, str]:
    """`--ask` argument to (turn, instruction): "5:Count cars." is (5, "Count cars."), without a second it is turn 0.

    "1:05:Count cars." is turn 65. Raises ValueError as `clean_instruction` does.
    """
    found = re.match(r"\s*((?:\d+:)?\d+:\d\d|\d+(?:\.\d+)?)\s*:(?!\d)(.*)", text, re.S)
    if not found:
        return 0, clean_instruction(text)
    return int(parse_seconds(found[1])), clean_instruction(found[2])


def user_text(turn: int, instructions: tuple[str, ...] | list[str] = ()) -> str:
    """Text of a user turn before its images: each instruction on a line, then the tag on a line."""
    return "".join(f"{line}\n" for line in (*instructions, time_tag(turn)))


def assistant_text(state: State, text: str = "") -> str:
    """Text of an assistant turn: the state token and, after a response, one space and its words."""
    return f"{state.token} {text}" if state is State.RESPONSE and text else state.token


def parse_assistant(text: str) -> tuple[State, str]:
    """Inverse of `assistant_text`. Raises ValueError when `text` does not open with a state token."""
    for state in STATES:
        if text.startswith(state.token):
            return state, text[len(state.token) :].strip() if state is State.RESPONSE else ""
    raise ValueError(f"{text[:40]!r} does not open with one of {', '.join(STATE_TOKENS)}")
