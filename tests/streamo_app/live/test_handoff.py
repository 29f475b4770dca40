"""Turns are handed over: newest wins live, nothing is lost when pulled.

Run: python -m pytest tests/streamo_app/live/test_handoff.py
"""

import threading

from streamo_app.live.handoff import Handoff
from streamo_app.video.turns import Turn
from tests.support.live import WAIT_S, picture


def test_a_live_handoff_keeps_the_newest_and_a_pulled_one_waits():
    live, pulled = Handoff(newest_wins=True), Handoff(newest_wins=False)
    one, two = (Turn(second, (picture(second),), 0.0) for second in (1, 2))
    assert live.put(one) and live.put(two) and live.take() is two
    putter = threading.Thread(target=lambda: (pulled.put(one), pulled.put(two), pulled.finish()))
    putter.start()
    assert [pulled.take(), pulled.take(), pulled.take()] == [one, two, None]
    putter.join(WAIT_S)
