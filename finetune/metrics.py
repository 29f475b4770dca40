"""Scores of streamed answers against gold ones: timing, text, states, and blind baselines to compare with. Lists and
numbers only.

Not the evaluation (`evaluate.py` runs the model), not probabilities. Only turns from the first question on count.

The keys of a report are part of the `--json` contract and older than the names here: "due" is the number of expected
responses, "content" the text accuracy on hits, "held" the latest-answer accuracy, "balanced" the balanced state
accuracy, "heeds" the contrast accuracy, "floors" the blind baselines and "metronome" the fixed interval among them.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

from streamo_app.protocol import STATES, State, parse_span

TOLERANCE = 1
"""Turns that a response may be early or late and still be a hit."""
FIXED_INTERVAL_S = 2
"""The fixed-interval baseline responds once in this many seconds."""
QUIET_MINUTES = 5
"""Where nothing asked for happens, false positives are counted per this many minutes."""
LATEST_ANSWER_TASKS = ("count", "tsqa", "time_sensitive", "time-sensitive")
"""Tasks, by a part of their name, whose latest answer stands until the next one."""

_NOT_AVERAGED = ("records", "due", "heeds", "heed_pairs", "floors")
"""Keys of a row that are not averaged over tasks as they stand."""

StateText = tuple[State, str]
"""State of a turn and the text of its response, "" without one."""


@dataclass(frozen=True)
class Track:
    """One record: what is expected and what the model did, a `StateText` per turn of the video from turn 0."""

    task: str
    asked: int
    """Turn of the first question."""
    gold: Sequence[StateText]
    predicted: Sequence[StateText]
    video: str = ""
    argument: str | None = None
    """What an instruction is about where it is one of several of a kind: "red car"."""

    def __post_init__(self) -> None:
        if len(self.gold) != len(self.predicted):
            raise ValueError(
                f"gold has {len(self.gold)} turns but predicted has {len(self.predicted)}; give one per second in both"
            )

    @property
    def expected_responses(self) -> list[int]:
        """Turns, from the first question on, at which a response is expected; sorted."""
        return _response_turns(self.gold, self.asked)

    @property
    def predicted_responses(self) -> list[int]:
        """Turns, from the first question on, at which the model responded; sorted."""
        return _response_turns(self.predicted, self.asked)


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


def f1(hits: int, expected: int, predicted: int) -> float | None:
    """Harmonic mean of precision and recall; None where no response is expected, since none could be right."""
    return 2 * hits / (expected + predicted) if expected else None


def normalize(text: str) -> str:
    """Text for exact-match comparison: case, runs of spaces and final punctuation do not count."""
    return " ".join(text.casefold().split()).rstrip(" .!?;:,")


def iou(a: tuple[float, float], b: tuple[float, float]) -> float:
    """Intersection over union of two spans of seconds; 0 for a reversed or empty one."""
    shared = max(0.0, min(a[1], b[1]) - max(a[0], b[0]))
    union = max(a[1], b[1]) - min(a[0], b[0])
    return shared / union if shared else 0.0


def score(tracks: Iterable[Track]) -> dict:
    """Report as plain JSON: {"tasks": {name: row}, "groups": {name: summary}, **summary of all}.

    A row holds what `score_task` says; a number that has no meaning there is None. A summary holds "macro", the mean of
    the rows over tasks (over those where the number has a meaning), "heeds" and "heed_pairs" over all pairs, and what
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
    macro: dict = {
        key: _mean(row[key] for row in rows) for key in (rows[0] if rows else ()) if key not in _NOT_AVERAGED
    }
    macro["floors"] = {
        name: {key: _mean(row["floors"][name][key] for row in rows) for key in baseline}
        for name, baseline in (rows[0]["floors"] if rows else {}).items()
    }
    right = sum(round(row["heeds"] * row["heed_pairs"]) for row in rows if row["heed_pairs"])
    pairs = sum(row["heed_pairs"] for row in rows)
    contrast = {"heeds": right / pairs if pairs else None, "heed_pairs": pairs}
    return {"macro": macro, **contrast, **quiet(track for name in tasks for track in tracks[name])}


def quiet(tracks: Iterable[Track]) -> dict:
    """{"quiet_minutes", "quiet_false_per_5min"}: of records where nothing asked for happens, the minutes watched from
    the question on, and false positives per QUIET_MINUTES of them (None where there is no such record)."""
    uneventful = [track for track in tracks if not track.expected_responses]
    minutes = sum(len(track.gold) - track.asked for track in uneventful) / 60
    false = sum(len(track.predicted_responses) for track in uneventful)
    return {"quiet_minutes": minutes, "quiet_false_per_5min": false / minutes * QUIET_MINUTES if minutes else None}


def score_task(tracks: Sequence[Track]) -> dict:
    """Scores of one task's records together (every response weighs the same).

    records; due: expected responses; precision, recall, f1: within TOLERANCE; f1_exact: at the very turn; content: text
    accuracy on hits, the share of them with exact-match text; content_all: the same share of all expected responses;
    miou: over gold that names a span, whenever its answer came; held: see `latest_answer_accuracy`, None for other
    tasks; balanced: see `balanced_accuracy`; false_per_min: false positives (responses that hit nothing) per minute
    watched; heeds, heed_pairs: see `contrast_accuracy`; floors: {blind baseline: {f1, f1_exact}}.
    """
    pairs = [match(track.expected_responses, track.predicted_responses) for track in tracks]
    hits = sum(map(len, pairs))
    expected = sum(len(track.expected_responses) for track in tracks)
    predicted = sum(len(track.predicted_responses) for track in tracks)
    right = sum(_text_matches(track, g, p) for track, found in zip(tracks, pairs, strict=True) for g, p in found)
    minutes = sum(len(track.gold) - track.asked for track in tracks) / 60
    contrast, contrast_pairs = contrast_accuracy(tracks)
    latest_counts = any(part in tracks[0].task.lower() for part in LATEST_ANSWER_TASKS)
    return {
        "records": len(tracks),
        "due": expected,
        "f1": f1(hits, expected, predicted),
        "f1_exact": f1(_exact_hits(tracks, lambda track: track.predicted_responses), expected, predicted),
        "precision": hits / predicted if predicted else None,
        "recall": hits / expected if expected else None,
        "content": right / hits if hits else None,
        "content_all": right / expected if expected else None,
        "miou": _mean(value for track in tracks for value in _span_ious(track)),
        "held": latest_answer_accuracy(tracks) if latest_counts else None,
        "balanced": balanced_accuracy(tracks),
        "false_per_min": (predicted - hits) / minutes if minutes else None,
        "heeds": contrast,
        "heed_pairs": contrast_pairs,
        "floors": {name: _baseline_scores(tracks, turns) for name, turns in BLIND_BASELINES.items()},
    }


BLIND_BASELINES: dict[str, Callable[[Track], list[int]]] = {
    "metronome": lambda track: list(range(track.asked, len(track.gold), FIXED_INTERVAL_S)),
    "always": lambda track: list(range(track.asked, len(track.gold))),
    "silence": lambda track: [],
}
"""Response turns of policies that never look at the video: at a fixed interval, always, never. A score means what it is
above these."""


def latest_answer_accuracy(tracks: Sequence[Track]) -> float | None:
    """State accuracy over time: share of turns, from the first gold answer on, at which the latest answer given has the
    text of the latest gold one."""
    right = total = 0
    for track in tracks:
        want = have = None
        for turn in range(track.asked, len(track.gold)):
            want = track.gold[turn][1] if track.gold[turn][0] is State.RESPONSE else want
            have = track.predicted[turn][1] if track.predicted[turn][0] is State.RESPONSE else have
            if want is not None:
                total += 1
                right += have is not None and normalize(have) == normalize(want)
    return right / total if total else None


def balanced_accuracy(tracks: Sequence[Track]) -> float | None:
    """Balanced state accuracy: mean recall of the states that occur in the gold, turn by turn."""
    total, right = dict.fromkeys(STATES, 0), dict.fromkeys(STATES, 0)
    for track in tracks:
        for (want, _), (have, _) in list(zip(track.gold, track.predicted, strict=True))[track.asked :]:
            total[want] += 1
            right[want] += have is want
    return _mean(right[state] / total[state] for state in STATES if total[state])


def contrast_accuracy(tracks: Sequence[Track]) -> tuple[float | None, int]:
    """(share of pairs, pairs) over minimal pairs: two records of one task over one video with different arguments.

    A pair counts where their golds differ by more than TOLERANCE, from the later question on; it is right when the
    responses of either have a higher F1 with their own gold than with the other's. A model that ignores the argument
    answers both alike and scores 0.
    """
    right = pairs = 0
    for a, b in combinations((track for track in tracks if track.argument is not None), 2):
        if a.video != b.video or a.task != b.task or a.argument == b.argument:
            continue
        start = max(a.asked, b.asked)
        gold_a, gold_b, predicted_a, predicted_b = (
            [turn for turn in turns if turn >= start]
            for turns in (a.expected_responses, b.expected_responses, a.predicted_responses, b.predicted_responses)
        )
        if _agreement(gold_a, gold_b) == 1:
            continue
        pairs += 1
        right += _agreement(predicted_a, gold_a) > _agreement(predicted_a, gold_b) and _agreement(
            predicted_b, gold_b
        ) > _agreement(predicted_b, gold_a)
    return (right / pairs if pairs else None), pairs


def _agreement(a: list[int], b: list[int]) -> float:
    """F1 of two lists of turns; two empty ones agree."""
    return 2 * len(match(a, b)) / (len(a) + len(b)) if a or b else 1.0


def _response_turns(turns: Sequence[StateText], asked: int) -> list[int]:
    return [turn for turn, (state, _) in enumerate(turns) if state is State.RESPONSE and turn >= asked]


def _text_matches(track: Track, gold: int, predicted: int) -> bool:
    return normalize(track.gold[gold][1]) == normalize(track.predicted[predicted][1])


def _span_ious(track: Track) -> list[float]:
    """IoU of each gold answer that names a span with the answer nearest in time that names one; 0 where none does."""
    want = _spans(track.gold, track.expected_responses)
    have = _spans(track.predicted, track.predicted_responses) if want else {}
    found = [iou(want[g], have[p]) for g, p in match(list(want), list(have), float("inf"))]
    return found + [0.0] * (len(want) - len(found))


def _spans(turns: Sequence[StateText], responses: Sequence[int]) -> dict[int, tuple[float, float]]:
    """Turn -> the span that its response names, of those that name one; in order."""
    return {turn: span for turn in responses if (span := parse_span(turns[turn][1]))}


def _exact_hits(tracks: Sequence[Track], responses: Callable[[Track], list[int]]) -> int:
    return sum(len(set(track.expected_responses) & set(responses(track))) for track in tracks)


def _baseline_scores(tracks: Sequence[Track], responses: Callable[[Track], list[int]]) -> dict[str, float | None]:
    expected = sum(len(track.expected_responses) for track in tracks)
    predicted = sum(len(responses(track)) for track in tracks)
    hits = sum(len(match(track.expected_responses, responses(track))) for track in tracks)
    exact = _exact_hits(tracks, responses)
    return {"f1": f1(hits, expected, predicted), "f1_exact": f1(exact, expected, predicted)}


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
