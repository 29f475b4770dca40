"""What a visitor keeps, as the plain values that `static/keep.js`, `past.js` and `film.js` draw: `view.keep`. Pure."""

from collections.abc import Mapping, Sequence

from streamo_app.transcript.archive import Entry


def render_keep(header: Mapping, boot: str, lasting: bool, number: int, past: Sequence[Entry] | None) -> dict:
    """`header` of the run shown, `lasting` whether journals are kept, `past` the list `number` of past sessions, None:
    nothing new."""
    return {
        "boot": boot,
        "started": str(header.get("started", "")),
        "lasting": lasting,
        "list": number,
        "past": None if past is None else [render_entry(entry) for entry in past],
    }


def empty_keep() -> dict:
    """Of a page that has no session."""
    return render_keep({}, "", False, 0, None) | {"film": "", "job": None}


def render_entry(entry: Entry) -> dict:
    names = ("name", "started", "source", "seconds", "responses", "instructions", "instruction", "trouble", "running")
    return {name: getattr(entry, name) for name in names}
