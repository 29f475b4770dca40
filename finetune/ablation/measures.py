"""Scores of an ablation: timing, balanced accuracy, and stand-ins for the columns of the paper's Table 4. Lists and
numbers only.

The paper's columns come from OVO-Bench, where a question is put to a model again and again at fixed seconds. Ours stand
in for them:

* REC, repetition counting: latest-answer accuracy of counting records, the share of seconds from the first gold answer
  on at which the latest number given is right.
* SSR, step under way: at each second from the question on of a record that has standby, is the event under way? Standby
  says yes, anything else no. The mean of the accuracy inside the event and of that outside it: never or always standing
  by scores 0.5.
* CRR, answered by then: of records whose first answer has to wait for its evidence, from the question to the second
  before the next answer: has it answered by this second? The mean of the accuracy before the first answer is expected
  and of that from then on; seconds within TOLERANCE of it do not count. Never or always answering scores 0.5. The text
  is not judged.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from finetune.metrics import FIXED_INTERVAL_S, TOLERANCE, Track, balanced_accuracy, latest_answer_accuracy, score
from streamo_app.protocol import State

SHOWN = {
    "f1": "timing F1",
    "balanced": "balanced acc.",
    "responds": "respond or not",
    "rec": "REC",
    "ssr": "SSR",
    "crr": "CRR",
    "miou": "grounding mIoU",
}
"""Key of a measure -> its name in tables."""


def measures(tracks: Sequence[Track]) -> dict:
    """{"f1", "f1_exact", "precision", "recall", "false_per_min": means over tasks; "balanced", "responds": over the
    turns of all records, of the states and of response against the rest; "rec", "ssr", "crr", "miou"; "tasks": {task:
    F1}}. None where a measure has no meaning."""
    report = score(tracks)
    found = {key: report["macro"].get(key) for key in ("f1", "f1_exact", "precision", "recall", "false_per_min")}
    found |= {
        "balanced": balanced_accuracy(tracks),
        "responds": balanced_accuracy([two_states(track) for track in tracks]),
        "rec": latest_answer_accuracy([track for track in tracks if track.task.endswith("counting")]),
        "ssr": under_way(tracks),
        "crr": answered(tracks),
    }
    return found | {
        "miou": report["macro"].get("miou"),
        "tasks": {name: row["f1"] for name, row in report["tasks"].items()},
    }


def two_states(track: Track) -> Track:
    """The track with standby taken for silence, in the gold and in the prediction."""

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
        expected, predicted = track.expected_responses, track.predicted_responses
        if not expected or expected[0] - TOLERANCE <= track.asked:
            continue
        first = predicted[0] if predicted else len(track.gold)
        end = expected[1] if len(expected) > 1 else len(track.gold)
        for second in range(track.asked, end):
            if abs(second - expected[0]) > TOLERANCE:
                side = before if second < expected[0] else after
                side[0] += (second < expected[0]) == (second < first)
                side[1] += 1
    return _mean_share(before, after)


def _mean_share(one: Sequence[int], other: Sequence[int]) -> float | None:
    return (one[0] / one[1] + other[0] / other[1]) / 2 if one[1] and other[1] else None


BASELINE_NAMES = {
    "silence": "never",
    f"an answer every {FIXED_INTERVAL_S} s": f"fixed interval ({FIXED_INTERVAL_S} s)",
    "always answering": "always",
}
"""Key of a blind baseline in ablation.json -> its name in tables."""


def blind_baselines(tracks: Sequence[Track]) -> dict[str, dict]:
    """Blind baseline, which never looks at the video -> its measures: responding never, at a fixed interval, always.

    The keys are those of BASELINE_NAMES.
    """
    silence, response = (State.SILENCE, ""), (State.RESPONSE, "")
    policies = (
        lambda turn: silence,
        lambda turn: silence if turn % FIXED_INTERVAL_S else response,
        lambda turn: response,
    )
    return {
        name: measures(
            [replace(track, predicted=[act(turn - track.asked) for turn in range(len(track.gold))]) for track in tracks]
        )
        for name, act in zip(BASELINE_NAMES, policies, strict=True)
    }


def spread(values: Iterable[float | None]) -> dict | None:
    """{"mean", "min", "max", "n"} of what is known; None where nothing is."""
    known = [value for value in values if value is not None]
    return {"mean": sum(known) / len(known), "min": min(known), "max": max(known), "n": len(known)} if known else None
