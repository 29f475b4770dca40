"""What sets in and what is present on each turn, against clips whose script is written by hand.

Run: python -m pytest tests/finetune/world/test_events.py
"""

from dataclasses import replace

import numpy as np

from finetune.world.desk import scene as desk
from finetune.world.events import EVENTS, ONSETS, PRESENT, UNKNOWN, of_clip, on_turns
from finetune.world.street import scene as street

CAR = street.StreetThing("car", "red", "right", 2.3, 4.6)
DOG = street.StreetThing("dog", "brown", "left", 5.2, 5.8)
"""Gone before a turn shows it."""
STREET = street.StreetClip(7, 8, (640, 360), street.make_clip(0, 20).look, ((0.0, "red"), (3.5, "green")), (CAR, DOG))

GUEST = desk.DeskThing("person", "", "", 0, 4.2, 7.4, "left", "right", 1)
BALL = desk.DeskThing("object", "red", "ball", 0, 9.2, 11.8, "left", "left", 2)
ROOM = desk.DeskClip(1, 16, (640, 480), ((0.0, 0),), (1, 2), ((1.5, 2.6),), (), (GUEST, BALL))


def told(table: np.ndarray) -> list[str]:
    """A line for each turn on which the table says that something is so."""
    return [
        f"{turn} {', '.join(name for name, value in zip(EVENTS, row, strict=True) if value == 1)}"
        for turn, row in enumerate(table)
        if (row == 1).any()
    ]


def columns(*names: str) -> list[int]:
    return [EVENTS.index(name) for name in names]


def test_a_street_tells_what_comes_goes_and_turns_and_what_is_there():
    assert told(of_clip("street", STREET)) == [
        "0 street: red light there",
        "1 street: red light there",
        "2 street: red light there",
        "3 street: red car comes, street: red car there, street: red light there",
        "4 street: light turns green, street: red car there, street: green light there",
        "5 street: red car goes, street: green light there",
        "6 street: green light there",
        "7 street: green light there",
    ]


def test_a_room_tells_its_changes_what_sets_in_to_move_and_what_is_there():
    assert told(of_clip("desk", ROOM)) == [
        "2 desk: lights off, desk: dark there",
        "3 desk: lights on",
        "5 desk: person comes, desk: motion, desk: person there",
        "6 desk: person there",
        "7 desk: person there",
        "8 desk: person leaves",
        "10 desk: red object, desk: motion, desk: red object there",
        "11 desk: red object there",
        "12 desk: red object gone",
    ]


def test_another_view_is_new_and_leaves_open_what_moved():
    table = of_clip("desk", replace(ROOM, views=((0.0, 0), (13.5, 1))))
    (view, motion) = columns("desk: view", "desk: motion")
    assert np.flatnonzero(table[:, view]).tolist() == [14] and (table[:, motion] == UNKNOWN).all()


def test_a_world_says_nothing_of_the_other():
    foreign = [i for i, name in enumerate(EVENTS) if name.startswith("desk")]
    table = of_clip("street", STREET)
    assert (table[:, foreign] == UNKNOWN).all() and (np.delete(table, foreign, axis=1) >= 0).all()


def test_what_happened_in_a_skipped_second_is_new_on_the_next_turn_and_nothing_is_new_on_the_first():
    table = on_turns(of_clip("street", STREET), [2, 4, 5, 7])
    came, turned, went, there = columns(
        "street: red car comes", "street: light turns green", "street: red car goes", "street: red car there"
    )
    assert table[1:, came].tolist() == [1, 0, 0]
    assert table[1:, turned].tolist() == [1, 0, 0] and table[1:, went].tolist() == [0, 1, 0]
    assert table[:, there].tolist() == [0, 1, 0, 0]
    assert (table[0, : len(ONSETS)] == UNKNOWN).all() and (
        table[0, columns(*(n for n in PRESENT if "street" in n))] >= 0
    ).all()
    assert (of_clip("street", STREET)[2, came] == 0).all()  # the clip's own table is as it was
