"""Scores worked out by hand."""

import random
from itertools import permutations

import pytest

from finetune.metrics import Track, contrast_accuracy, f1, iou, match, normalize, score, score_task
from streamo_app.protocol import State

STATE = {".": State.SILENCE, "s": State.STANDBY, "R": State.RESPONSE}


def turns(pattern, *texts):
    """ "..R" with the words of each R in order (default "A")."""
    words = iter(texts)
    return [(STATE[letter], next(words, "A") if letter == "R" else "") for letter in pattern]


def track(gold, predicted, asked=0, task="alert", words=(), said=(), **more):
    return Track(task, asked, turns(gold, *words), turns(predicted, *said), **more)


@pytest.mark.parametrize(
    "gold, predicted, pairs",
    [
        ([5], [5], [(5, 5)]),
        ([5], [4, 5, 6], [(5, 5)]),  # the nearest of several
        ([5], [7], []),
        ([4, 5], [5, 6], [(4, 5), (5, 6)]),  # the most pairs, though nearest first would pair 5 with 5 and lose one
        ([3, 4], [4], [(4, 4)]),  # one each, and the nearest
        ([1, 9], [2, 8, 9], [(1, 2), (9, 9)]),
        ([], [1], []),
        ([1], [], []),
    ],
)
def test_responses_are_paired_one_to_one_most_pairs_first_then_nearest(gold, predicted, pairs):
    assert match(gold, predicted) == pairs


def test_no_pairing_beats_the_matching():
    def by_trying_all(gold, predicted):
        slots = [*predicted, *[None] * len(gold)]
        best = (0, 0)
        for choice in permutations(slots, len(gold)):
            pairs = [(g, p) for g, p in zip(gold, choice, strict=True) if p is not None and abs(g - p) <= 1]
            best = max(best, (len(pairs), -sum(abs(g - p) for g, p in pairs)))
        return best

    draw = random.Random(0)
    for _ in range(60):
        gold, predicted = (sorted(draw.sample(range(9), draw.randint(0, 4))) for _ in range(2))
        pairs = match(gold, predicted)
        assert (len(pairs), -sum(abs(g - p) for g, p in pairs)) == by_trying_all(gold, predicted)


def test_timing_is_scored_within_a_second_and_at_the_exact_turn():
    row = score_task([track("..R...R...R.", "..R..R..R...")])
    # hits within 1: turn 2, turn 5 for 6; turn 8 for 10 is too far. Exact: turn 2.
    assert (row["due"], row["precision"], row["recall"], row["f1"], row["f1_exact"]) == (3, 2 / 3, 2 / 3, 2 / 3, 1 / 3)
    assert row["false_per_min"] == pytest.approx(1 / (12 / 60))


def test_turns_before_the_question_do_not_count():
    row = score_task([track("....R.", "RR..R.", asked=3)])
    assert (row["precision"], row["recall"], row["f1"], row["false_per_min"]) == (1, 1, 1, 0)
    assert row["balanced"] == 1


def test_the_blind_baselines_are_a_fixed_interval_always_and_never_on_the_same_gold():
    baselines = score_task([track("....R.....R.", "............", asked=2)])["floors"]
    # 10 turns from the question; a fixed interval of 2 s responds at 2, 4, 6, 8, 10: both gold turns exactly.
    assert baselines["metronome"] == {"f1": 2 * 2 / (2 + 5), "f1_exact": 2 * 2 / (2 + 5)}
    assert baselines["always"] == {"f1": 2 * 2 / (2 + 10), "f1_exact": 2 * 2 / (2 + 10)}
    assert baselines["silence"] == {"f1": 0, "f1_exact": 0}
    off_beat = score_task([track("...R", "....")])["floors"]
    assert off_beat["metronome"] == {"f1": 2 / 3, "f1_exact": 0}, "a response next to it is a hit, but not at the turn"


def test_where_no_response_is_expected_timing_has_no_score_but_false_positives_show():
    row = score_task([track("....", ".R..")])
    assert (row["f1"], row["precision"], row["recall"], row["content"]) == (None, 0, None, None)
    assert row["false_per_min"] == 15
    assert f1(0, 0, 0) is None


def test_text_accuracy_is_over_hits_and_over_all_gold():
    row = score_task(
        [
            track(
                "R...R...R...R", "R....R.......", words=("A red car.", "Two", "Three", "Four"), said=("a  red CAR", "2")
            )
        ]
    )
    assert (row["recall"], row["content"], row["content_all"]) == (0.5, 0.5, 0.25)


@pytest.mark.parametrize(
    "a, b, same",
    [("A red car.", " a Red  car", True), ("Yes!", "yes.", True), ("3.5", "35", False), ("B. red", "B red", False)],
)
def test_case_spaces_and_final_punctuation_do_not_count(a, b, same):
    assert (normalize(a) == normalize(b)) is same


def test_iou_of_spans():
    assert iou((3, 9), (6, 12)) == pytest.approx(3 / 9)
    assert iou((3, 9), (3, 9)) == 1
    assert iou((0, 1), (2, 3)) == iou((3, 3), (3, 3)) == iou((9, 3), (3, 9)) == 0


def test_miou_takes_the_answer_that_names_a_span_however_late_and_zero_for_none():
    late = track("..R.....", "R.....R.", words=("From 3s to 9s.",), said=("Wait.", "From 6s to 12s."), task="grounding")
    none = track("..R.....", "..R.....", words=("From 3s to 9s.",), said=("No idea.",), task="grounding")
    assert score_task([late, none])["miou"] == pytest.approx((3 / 9 + 0) / 2)
    assert score_task([track("R", "R")])["miou"] is None


def test_latest_answer_accuracy_is_the_share_of_seconds_at_which_the_latest_answer_is_right():
    one = track("..R..R..", "...R..R.", words=("1", "2"), said=("1", "3"), task="counting")
    # want from turn 2: 1 1 1 2 2 2; have: - 1 1 1 3 3; right at turns 3 and 4.
    assert score_task([one])["held"] == pytest.approx(2 / 6)
    assert score_task([track("R", "R")])["held"] is None, "the answer to an alert does not stand until the next"


def test_balanced_accuracy_is_the_mean_recall_of_the_states_that_occur():
    # silence 4 of 5, standby 1 of 2, response 1 of 1
    assert score_task([track(".....ssR", "R....s.R")])["balanced"] == pytest.approx((4 / 5 + 1 / 2 + 1) / 3)
    assert score_task([track("..", ".s")])["balanced"] == 0.5


RED, BLUE, NONE = "..R.....", "......R.", "........"


@pytest.mark.parametrize(
    "predicted_red, predicted_blue, share",
    [
        (RED, BLUE, 1.0),
        (BLUE, RED, 0.0),  # swapped
        ("..R...R.", "..R...R.", 0.0),  # fires on every car
        (NONE, NONE, 0.0),  # never fires
        (RED, "..R...R.", 0.0),  # only one of the two is right
        (".R......", "......RR", 1.0),  # a little early, one too many: still clearly itself
    ],
)
def test_a_minimal_pair_is_right_when_each_instruction_is_answered_as_itself(predicted_red, predicted_blue, share):
    pair = [
        track(RED, predicted_red, video="v", argument="red car"),
        track(BLUE, predicted_blue, video="v", argument="blue car"),
    ]
    assert contrast_accuracy(pair) == (share, 1)


def test_silence_is_right_for_an_argument_that_never_shows():
    pair = [track(RED, RED, video="v", argument="red car"), track(NONE, NONE, video="v", argument="bus")]
    assert contrast_accuracy(pair) == (1.0, 1)


def test_only_pairs_over_one_video_with_different_arguments_and_different_gold_count():
    base = track(RED, RED, video="v", argument="red car")
    assert contrast_accuracy([base, track(BLUE, BLUE, video="w", argument="blue car")]) == (None, 0)
    assert contrast_accuracy([base, track(BLUE, BLUE, video="v", argument="red car")]) == (None, 0)
    assert contrast_accuracy([base, track(BLUE, BLUE, video="v")]) == (None, 0)
    assert contrast_accuracy([base, track("...R....", RED, video="v", argument="car")]) == (None, 0), (
        "the golds agree within a second"
    )
    assert contrast_accuracy([base, track(BLUE, BLUE, video="v", argument="blue car", asked=7)]) == (None, 0), (
        "nothing is left to tell them apart"
    )


def test_the_report_gives_rows_per_task_and_their_mean():
    report = score(
        [
            track("R...", "R...", task="alert", video="v", argument="a"),
            track("...R", "...R", task="alert", video="v", argument="b"),
            track("R.......", "....R...", task="count"),
            track("....", "....", task="nothing"),
        ]
    )
    assert list(report["tasks"]) == ["alert", "count", "nothing"]
    assert [row["f1"] for row in report["tasks"].values()] == [1.0, 0.0, None]
    assert report["macro"]["f1"] == 0.5, "a task without an expected response is left out of the mean"
    assert (report["heeds"], report["heed_pairs"]) == (1.0, 1)
    # alert: 2 expected, 2 each on 4 turns by the interval, both gold near one: 4 / (2 + 4); count: 1 expected, 4 by the
    # interval: 2 / (1 + 4)
    assert report["macro"]["floors"]["metronome"]["f1"] == pytest.approx((4 / 6 + 2 / 5) / 2)
    assert score([])["tasks"] == {}


def test_where_nothing_asked_for_happens_false_positives_are_counted_per_five_minutes():
    quiet = [
        track("." * 60, "." * 59 + "R"),
        track("." * 40, "." * 40, asked=10),
    ]  # 60 and 30 turns from the question on, one response
    report = score([*quiet, track("R...", "..RR")])
    assert (report["quiet_minutes"], report["quiet_false_per_5min"]) == (1.5, pytest.approx(1 / 1.5 * 5))
    busy = score([track("R...", "..RR")])
    assert (busy["quiet_minutes"], busy["quiet_false_per_5min"]) == (0, None)


def test_a_response_before_the_question_makes_no_record_busy():
    assert score([track("R...", "R...", asked=1)])["quiet_minutes"] == 3 / 60


def test_each_world_has_means_of_its_own_where_both_are_there():
    street, desk = track("R...", "R...", task="alert"), track("R...", "...R", task="desk_alert")
    other = track("R...", "R...", task="desk_count")
    still = track("....", "R...", task="desk_count")
    report = score([street, desk, other, still])
    assert report["macro"]["f1"] == pytest.approx((1 + 0 + 2 / 3) / 3)
    assert {name: group["macro"]["f1"] for name, group in report["groups"].items()} == {
        "street": 1,
        "desk": pytest.approx(1 / 3),
    }
    assert [(group["records"], group["due"]) for group in report["groups"].values()] == [(1, 1), (3, 2)]
    # 4 turns each, 2 responses by the interval: one hit of 1 expected and 2; desk_count has 4 for its one
    assert report["groups"]["street"]["macro"]["floors"]["metronome"] == {"f1": 2 / 3, "f1_exact": 2 / 3}
    assert report["groups"]["desk"]["macro"]["floors"]["metronome"]["f1"] == pytest.approx((2 / 3 + 2 / 5) / 2)
    assert (report["groups"]["street"]["quiet_minutes"], report["groups"]["desk"]["quiet_minutes"]) == (0, 4 / 60)
    assert score([desk, other])["groups"] == {} == score([street])["groups"]


def test_gold_and_predicted_have_to_be_as_long():
    with pytest.raises(ValueError, match="gold has 2 turns but predicted has 3"):
        track("..", "...")
