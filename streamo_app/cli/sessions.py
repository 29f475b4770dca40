"""`sessions`: the journals of this machine. Whoever runs it may read the files anyway, so it shows those of every
browser.

    python -m streamo_app sessions
    python -m streamo_app sessions show 3f9a02c1-0001
    python -m streamo_app sessions export 3f9a02c1-0001 --format srt --out said.srt
    python -m streamo_app sessions delete 3f9a02c1-0001
"""

import os
import re
import shutil
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path

from streamo_app.cli.output import never_fail_on_letters, to_stdout
from streamo_app.cli.output_file import out_errors, write_text
from streamo_app.config import default_journal_dir
from streamo_app.transcript.archive import Archive, Entry, archives
from streamo_app.transcript.exports import clock_time, one_line
from streamo_app.transcript.transcript import FORMATS, Row, Transcript

SHORT = 8
"""Letters of a session's key in the list; as few as name one session are enough."""


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("action", nargs="?", choices=("show", "export", "delete"), help="what to do with one of them")
    parser.add_argument("id", nargs="?", metavar="ID", help="as the list shows it")
    parser.add_argument("--format", choices=FORMATS, help="of an export: srt, vtt, jsonl or md")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write an export there instead of to the terminal")


def run(args: Namespace) -> int:
    """Exit status. Raises ValueError with one sentence."""
    if args.action and not args.id:
        raise ValueError(f"{args.action} needs an ID; `python -m streamo_app sessions` lists them.")
    if args.action == "export" and not args.format:
        raise ValueError("export needs a --format: srt, vtt, jsonl or md.")
    if args.action != "export" and (args.format or args.out):
        raise ValueError("--format and --out belong to `sessions export ID`.")
    folder = default_journal_dir(os.environ)
    never_fail_on_letters("utf-8")
    with to_stdout():
        sys.stdout.write(answer(args, folder))
        sys.stdout.flush()
    return 0


def answer(args: Namespace, folder: Path) -> str:
    """What to print, after doing what `args` ask for. Raises ValueError."""
    if args.action is None:
        return lines(listing(folder))
    archive, entry = find(folder, args.id)
    if args.action == "delete":
        archive.delete(entry.name)
        return lines([f"Deleted {short(entry)}."])
    if args.action == "show":
        return lines(shown(entry, transcript_of(entry)))
    text = transcript_of(entry).export(args.format)
    if args.out is None:
        return text
    with out_errors(args.out):
        write_text(args.out, text)
    return ""


def lines(texts: Iterable[str]) -> str:
    return "".join(f"{text}\n" for text in texts)


def all_of(folder: Path) -> list[tuple[Archive, Entry]]:
    """Newest first."""
    try:
        found = [(archive, entry) for archive in archives(folder) for entry in archive.entries()]
    except OSError as error:
        raise ValueError(f"The sessions in {folder} cannot be read ({error.strerror}).") from error
    return sorted(found, key=lambda pair: (pair[1].started, pair[1].name), reverse=True)


def find(folder: Path, wanted: str) -> tuple[Archive, Entry]:
    """The session of an ID. Raises ValueError when there is none, or more than one."""
    key, _, number = wanted.partition("-")
    found = []
    if re.fullmatch(r"[0-9a-f]+(-[0-9]{1,4})?", wanted):
        for archive, entry in all_of(folder):
            same_number = not number or int(entry.name.rpartition("-")[2]) == int(number)
            if entry.name.startswith(key) and same_number:
                found.append((archive, entry))
    if len(found) != 1:
        why = "matches more than one session; give more of it" if found else "names no session of this machine"
        raise ValueError(f"{one_line(wanted)!r} {why}; `python -m streamo_app sessions` lists them.")
    return found[0]


def short(entry: Entry) -> str:
    key, _, number = entry.name.partition("-")
    return f"{key[:SHORT]}-{number}"


def listing(folder: Path) -> Iterator[str]:
    """Two lines a session: ID, date, length, source; then its first instruction."""
    found = all_of(folder)
    if not found:
        yield f"No sessions are kept on this machine ({folder}); the page and `watch --keep` keep them."
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    for _, entry in found:
        length = (
            entry.trouble
            or f"{clock_time(entry.seconds)}, {entry.responses} {'response' if entry.responses == 1 else 'responses'}"
        )
        yield f"{short(entry)}  {local(entry)}  {length}{', running' if entry.running else ''}  {entry.source}"[:width]
        if entry.instruction:
            more = f" (and {entry.instructions - 1} more)" if entry.instructions > 1 else ""
            room = width and width - SHORT - 7 - len(more)
            yield " " * (SHORT + 7) + entry.instruction[: room and max(0, room)] + more


def shown(entry: Entry, transcript: Transcript) -> Iterator[str]:
    yield f"{entry.source}, {local(entry)}, {clock_time(entry.seconds)}"
    yield from map(row_line, transcript.rows)


def row_line(row: Row) -> str:
    lane = f" [{row.lane}]" if row.lane else ""
    return f"{clock_time(row.second)}{lane} {'asked: ' if row.kind == 'asked' else ''}{row.text}"


def local(entry: Entry) -> str:
    """Its date by the clock of this machine."""
    return datetime.fromisoformat(entry.started).astimezone().strftime("%Y-%m-%d %H:%M") if entry.started else "-" * 16


def transcript_of(entry: Entry) -> Transcript:
    if entry.trouble:
        raise ValueError(f"{short(entry)} cannot be read: {entry.trouble}.")
    try:
        return Transcript.from_journal(entry.path)
    except OSError as error:
        raise ValueError(f"{short(entry)} cannot be read ({error.strerror}).") from error
