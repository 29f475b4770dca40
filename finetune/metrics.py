"""Scores of streamed answers against gold ones: timing, content, states, and the floors that cost nothing. Lists and
numbers only.

Not the evaluation (`evaluate.py` runs the model), not probabilities. Only turns from the first question on count.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

from streamo_app.protocol import STATES, State, parse_span

TOLERANCE = 1
"""Turns that a response may be early or late and still be a hit."""
METRONOME_EVERY = 2
QUIET_MINUTES = 5
"""Where nothing asked for happens, false responses are counted per this many minutes."""
HELD_TASKS = ("count", "tsqa", "time_sensitive", "time-sensitive")
"""Tasks, by a part of their name, whose latest answer stands until the next one."""

_COUNTED = ("records", "due", "heeds", "heed_pairs", "floors")
"""Keys of a row that are not averaged over tasks as they stand."""

Said = tuple[State, str]
"""State of a turn and its words."""


@dataclass(frozen=True)
class Track:
    """One record: what was due and what came, a `Said` per turn of the video from turn 0."""

    task: str
    asked: int
    """Turn of the first question."""
    gold: Sequence[Said]
    predicted: Sequence[Said]
    video: str = ""
    argument: str | None = None
    """What an instruction is about where it is one of several of a kind: "red car"."""

    def __post_init__(self) -> None:
        if len(self.gold) != len(self.predicted):
            raise ValueError(
                f"{len(self.gold)} turns are due but {len(self.predicted)} came; give one of each per second"
            )

    @property
    def due(self) -> list[int]:
        return _responses(self.gold, self.asked)

    @property
    def came(self) -> list[int]:
        return _responses(self.predicted, self.asked)


def match(gold: Sequence[int], predicted: Sequence[int], tolerance: float = TOLERANCE) -> list[tuple[int, int]]:
    """Pairs (gold turn, predicted turn), each turn in one pair, no further apart than `tolerance`; both lists sorted.

    Of all such pairings the result has the most pairs, and of those the least distance in total. Two pairs that cross
    can be uncrossed without raising the larger or the summed distance, so a best pairing is among those in order, which
    this dynamic programme searches. (Taking nearest pairs first is not enough: of gold 4, 5 and predicted 5, 6 it pairs
    one.)
    """
    best = [(0, 0.0)] * (len(predicted) + 1)  # (pairs, -distance) of the gold so far with the first j predicted
    took: list[list[str]] = []
    for g in gold:
        row, moves = [(0, 0.0)], ["gold"]
        for j, p in enumerate(predicted):
            options = [(best[j + 1], "gold"), (row[j], "predicted")]
            if abs(g - p) <= tolerance:
                options.append(((best[j][0] + 1, best[j][1] - abs(g - p)), "pair"))
            score, move = max(options, key=lambda option: option[0])
            row.append(score)
            moves.append(move)
        best = row
        took.append(moves)
    pairs, i, j = [], len(gold), len(predicted)
    while i and j:
        move = took[i - 1][j]
        if move == "pair":
            pairs.append((gold[i - 1], predicted[j - 1]))
        i -= move != "predicted"
        j -= move != "gold"
    return pairs[::-1]


def f1(hits: int, due: int, came: int) -> float | None:
    """Harmonic mean of hits / came and hits / due; None where nothing is due, since no answer could be right."""
    return 2 * hits / (due + came) if due else None


def normal(text: str) -> str:
    """Words for comparison: case, runs of spaces and final punctuation do not count."""
    return " ".join(text.casefold().split()).rstrip(" .!?;:,")


def iou(a: tuple[float, float], b: tuple[float, float]) -> float:
    """Intersection over union of two spans of seconds; 0 for a reversed or empty one."""
    shared = max(0.0, min(a[1], b[1]) - max(a[0], b[0]))
    union = max(a[1], b[1]) - min(a[0], b[0])
    return shared / union if shared else 0.0


def score(tracks: Iterable[Track]) -> dict:
    """Report as plain JSON: {"tasks": {name: row}, "groups": {name: summary}, **summary of all}.

    A row holds what `score_task` says; a number that has no meaning there is None. A summary holds "macro", the mean of
    the rows over tasks (over those where the number has a meaning), "heeds" and "heed_pairs" of all pairs, and what
    `quiet` says. Groups are the worlds (`world_of`), each with its "records" and "due" too; none where all tasks are of
    one.
    """
    every: dict[str, list[Track]] = {}
    for track in tracks:
        every.setdefault(track.task, []).append(track)
    tasks = {name: score_task(group) for name, group in sorted(every.items())}
    worlds: dict[str, list[str]] = {}
    for name in tasks:
        worlds.setdefault(world_of(name), []).append(name)
    groups = {
        world: _summary({name: tasks[name] for name in names}, every)
        for world, names in worlds.items()
        if len(worlds) > 1
    }
    for world, group in groups.items():
        group |= {key: sum(tasks[name][key] for name in worlds[world]) for key in ("records", "due")}
    return {"tasks": tasks, "groups": groups, **_summary(tasks, every)}


def world_of(task: str) -> str:
    return "desk" if task.startswith("desk_") else "street"


def _summary(tasks: dict[str, dict], tracks: dict[str, list[Track]]) -> dict:
    rows = list(tasks.values())
    macro = {key: _mean(row[key] for row in rows) for key in (rows[0] if rows else ()) if key not in _COUNTED}
    macro["floors"] = {
        name: {key: _mean(row["floors"][name][key] for row in rows) for key in floor}
        for name, floor in (rows[0]["floors"] if rows else {}).items()
    }
    heeded = sum(round(row["heeds"] * row["heed_pairs"]) for row in rows if row["heed_pairs"])
    pairs = sum(row["heed_pairs"] for row in rows)
    heed = {"heeds": heeded / pairs if pairs else None, "heed_pairs": pairs}
    return {"macro": macro, **heed, **quiet(track for name in tasks for track in tracks[name])}


def quiet(tracks: Iterable[Track]) -> dict:
    """{"quiet_minutes", "quiet_false_per_5min"}: of records where nothing asked for happens, the minutes watched from
    the question on, and responses per five of them (None where there is no such record)."""
    calm = [track for track in tracks if not track.due]
    minutes = sum(len(track.gold) - track.asked for track in calm) / 60
    came = sum(len(track.came) for track in calm)
    return {"quiet_minutes": minutes, "quiet_false_per_5min": came / minutes * QUIET_MINUTES if minutes else None}


def score_task(tracks: Sequence[Track]) -> dict:
    """Scores of one task's records together (every response weighs the same).

    records, due (gold responses); precision, recall, f1 within TOLERANCE; f1_exact at the very turn; content: share of
    hits with the right words; content_all: of all gold; miou: over gold that names a span, whenever its answer came;
    held: share of seconds, from the first gold answer on, at which the latest answer is right; balanced: mean recall of
    the states that occur; false_per_min: responses that hit nothing, per minute watched; heeds, heed_pairs: see
    `heeds`; floors: {name: {f1, f1_exact}}.
    """
    pairs = [match(track.due, track.came) for track in tracks]
    hits, due, came = sum(map(len, pairs)), sum(len(t.due) for t in tracks), sum(len(t.came) for t in tracks)
    right = sum(_same(track, g, p) for track, found in zip(tracks, pairs, strict=True) for g, p in found)
    minutes = sum(len(track.gold) - track.asked for track in tracks) / 60
    heeded, heed_pairs = heeds(tracks)
    return {
        "records": len(tracks),
        "due": due,
        "f1": f1(hits, due, came),
        "f1_exact": f1(_exact(tracks, lambda track: track.came), due, came),
        "precision": hits / came if came else None,
        "recall": hits / due if due else None,
        "content": right / hits if hits else None,
        "content_all": right / due if due else None,
        "miou": _mean(value for track in tracks for value in _span_ious(track)),
        "held": held(tracks) if any(part in tracks[0].task.lower() for part in HELD_TASKS) else None,
        "balanced": balanced(tracks),
        "false_per_min": (came - hits) / minutes if minutes else None,
        "heeds": heeded,
        "heed_pairs": heed_pairs,
        "floors": {name: _floor(tracks, turns) for name, turns in FLOORS.items()},
    }


FLOORS: dict[str, Callable[[Track], list[int]]] = {
    "metronome": lambda track: list(range(track.asked, len(track.gold), METRONOME_EVERY)),
    "always": lambda track: list(range(track.asked, len(track.gold))),
    "silence": lambda track: [],
}
"""Response turns of players that never look; a score means what it is above these."""


def held(tracks: Sequence[Track]) -> float | None:
    """Share of turns, from the first gold answer on, at which the latest answer given is the latest gold one."""
    right = total = 0
    for track in tracks:
        want = have = None
        for turn in range(track.asked, len(track.gold)):
            want = track.gold[turn][1] if track.gold[turn][0] is State.RESPONSE else want
            have = track.predicted[turn][1] if track.predicted[turn][0] is State.RESPONSE else have
            if want is not None:
                total += 1
                right += have is not None and normal(have) == normal(want)
    return right / total if total else None


def balanced(tracks: Sequence[Track]) -> float | None:
    """Mean over the states that occur in the gold of the share of their turns that are predicted so."""
    total, right = dict.fromkeys(STATES, 0), dict.fromkeys(STATES, 0)
    for track in tracks:
        for (want, _), (have, _) in list(zip(track.gold, track.predicted, strict=True))[track.asked :]:
            total[want] += 1
            right[want] += have is want
    return _mean(right[state] / total[state] for state in STATES if total[state])


def heeds(tracks: Sequence[Track]) -> tuple[float | None, int]:
    """(share, pairs): of two records of one task over one video with different arguments, how often each is answered as
    itself.

    A pair counts where their golds differ by more than TOLERANCE, from the later question on; it is heeded when the
    responses of either have a higher F1 with their own gold than with the other's. A model that ignores the argument
    answers both alike and scores 0.
    """
    heeded = pairs = 0
    for a, b in combinations((track for track in tracks if track.argument is not None), 2):
        if a.video != b.video or a.task != b.task or a.argument == b.argument:
            continue
        start = max(a.asked, b.asked)
        due_a, due_b, came_a, came_b = (
            [turn for turn in turns if turn >= start] for turns in (a.due, b.due, a.came, b.came)
        )
        if _alike(due_a, due_b) == 1:
            continue
        pairs += 1
        heeded += _alike(came_a, due_a) > _alike(came_a, due_b) and _alike(came_b, due_b) > _alike(came_b, due_a)
    return (heeded / pairs if pairs else None), pairs


def _alike(a: list[int], b: list[int]) -> float:
    """F1 of two lists of turns; two empty ones are alike."""
    return 2 * len(match(a, b)) / (len(a) + len(b)) if a or b else 1.0


def _responses(turns: Sequence[Said], asked: int) -> list[int]:
    return [turn for turn, (state, _) in enumerate(turns) if state is State.RESPONSE and turn >= asked]


def _same(track: Track, gold: int, predicted: int) -> bool:
    return normal(track.gold[gold][1]) == normal(track.predicted[predicted][1])


def _span_ious(track: Track) -> list[float]:
    """IoU of each gold answer that names a span with the answer nearest in time that names one; 0 where none does."""
    want = [turn for turn in track.due if parse_span(track.gold[turn][1])]
    have = [turn for turn in track.came if parse_span(track.predicted[turn][1])] if want else []
    found = [
        iou(parse_span(track.gold[g][1]), parse_span(track.predicted[p][1])) for g, p in match(want, have, float("inf"))
    ]
    return found + [0.0] * (len(want) - len(found))


def _exact(tracks: Sequence[Track], turns: Callable[[Track], list[int]]) -> int:
    return sum(len(set(track.due) & set(turns(track))) for track in tracks)


def _floor(tracks: Sequence[Track], turns: Callable[[Track], list[int]]) -> dict[str, float | None]:
    due, came = sum(len(track.due) for track in tracks), sum(len(turns(track)) for track in tracks)
    hits = sum(len(match(track.due, turns(track))) for track in tracks)
    return {"f1": f1(hits, due, came), "f1_exact": f1(_exact(tracks, turns), due, came)}


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
