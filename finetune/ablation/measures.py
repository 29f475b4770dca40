"""What a model's own past is worth: timing, balanced accuracy, and stand-ins for the columns of the paper's Table 4.
Lists and numbers only.

The paper's columns come from OVO-Bench, where a question is put to a model again and again at fixed seconds. Ours stand
in for them:

* REC, repetitions counted: share of seconds, from the first gold answer of a counting record on, at which the latest
  number said is right.
* SSR, step under way: at each second from the question on of a record that has standby, is the event under way? Standby
  says yes, anything
  else no. The mean of the share of seconds inside that are judged so and of the share outside: never or always standing
  by scores 0.5.
* CRR, answered by then: of records whose first answer has to wait for its evidence, from the question to the second
  before the next answer:
  has it answered by this second? The mean of the share of seconds before the first answer is due without an answer yet,
  and of the share
  from then on with one; seconds within TOLERANCE of it do not count. Never or always answering scores 0.5. The words
  are not judged.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from finetune.metrics import METRONOME_EVERY, TOLERANCE, Track, balanced, held, score
from streamo_app.protocol import State

SHOWN = {
    "f1": "timing F1", "balanced": "balanced acc.", "responds": "respond or not", "rec": "REC", "ssr": "SSR", "crr": "CRR", "miou": "grounding mIoU",
}  # fmt: skip
"""Measures of the tables and their names."""


def measures(tracks: Sequence[Track]) -> dict:
    """{"f1", "f1_exact", "precision", "recall", "false_per_min": means over tasks; "balanced", "responds": over the
    turns of all records, of the states and of response against the rest; "rec", "ssr", "crr", "miou"; "tasks": {task:
    F1}}. What has no meaning is None."""
    report = score(tracks)
    found = {key: report["macro"].get(key) for key in ("f1", "f1_exact", "precision", "recall", "false_per_min")}
    found |= {"balanced": balanced(tracks), "responds": balanced([two_states(track) for track in tracks])}
    found |= {
        "rec": held([track for track in tracks if track.task.endswith("counting")]),
        "ssr": under_way(tracks),
        "crr": answered(tracks),
    }
    return found | {
        "miou": report["macro"].get("miou"),
        "tasks": {name: row["f1"] for name, row in report["tasks"].items()},
    }


def two_states(track: Track) -> Track:
    """The track with standby taken for silence, in what was due and in what came."""

    def merged(said):
        return [(State.SILENCE, "") if state is State.STANDBY else (state, text) for state, text in said]

    return replace(track, gold=merged(track.gold), predicted=merged(track.predicted))


def under_way(tracks: Iterable[Track]) -> float | None:
    """SSR; None where no gold has standby (of models with two states, say)."""
    inside, outside = [0, 0], [0, 0]  # right, all
    for track in tracks:
        if not any(state is State.STANDBY for state, _ in track.gold):
            continue
        for (want, _), (have, _) in list(zip(track.gold, track.predicted, strict=True))[track.asked :]:
            side = inside if want is State.STANDBY else outside
            side[0] += (want is State.STANDBY) == (have is State.STANDBY)
            side[1] += 1
    return _mean_share(inside, outside)


def answered(tracks: Iterable[Track]) -> float | None:
    """CRR; None where no answer has to wait."""
    before, after = [0, 0], [0, 0]
    for track in tracks:
        due = track.due
        if not due or due[0] - TOLERANCE <= track.asked:
            continue
        first = track.came[0] if track.came else len(track.gold)
        end = due[1] if len(due) > 1 else len(track.gold)
        for second in range(track.asked, end):
            if abs(second - due[0]) > TOLERANCE:
                side = before if second < due[0] else after
                side[0] += (second < due[0]) == (second < first)
                side[1] += 1
    return _mean_share(before, after)


def _mean_share(one: Sequence[int], other: Sequence[int]) -> float | None:
    return (one[0] / one[1] + other[0] / other[1]) / 2 if one[1] and other[1] else None


def floors(tracks: Sequence[Track]) -> dict[str, dict]:
    """Player that never looks -> its measures: always silent, answering every METRONOME_EVERY seconds, answering
    always."""
    wait, answer = (State.SILENCE, ""), (State.RESPONSE, "")
    players = {
        "silence": lambda turn: wait,
        f"an answer every {METRONOME_EVERY} s": lambda turn: wait if turn % METRONOME_EVERY else answer,
        "always answering": lambda turn: answer,
    }
    return {
        name: measures(
            [replace(track, predicted=[say(turn - track.asked) for turn in range(len(track.gold))]) for track in tracks]
        )
        for name, say in players.items()
    }


def spread(values: Iterable[float | None]) -> dict | None:
    """{"mean", "min", "max", "n"} of what is known; None where nothing is."""
    known = [value for value in values if value is not None]
    return {"mean": sum(known) / len(known), "min": min(known), "max": max(known), "n": len(known)} if known else None
