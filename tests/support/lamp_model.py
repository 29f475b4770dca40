"""A streaming model that sees nothing but a traffic light's lamp and obeys a handful of sentences: for tests of the
page.

Not a test, and not a fake of the page's world: it decides on the pixels that reached it.
"""

from streamo_app.models.interface import ModelInfo, Step
from streamo_app.protocol import NARRATE, State
from tests.support.fakecam import lamp

SILENT, STANDING_BY, SPEAKING = (0.9, 0.06, 0.04), (0.2, 0.7, 0.1), (0.05, 0.15, 0.8)
GREEN = "Notify me when the light turns green."
EXPLODE = "Explode."


class LampLane:
    tokens = cache_bytes = forwards = 0

    def __init__(self, before: str | None = None):
        self.before, self.wish = before, ""


class LampModel:
    """Announces green when asked to, narrates every third second, fails on demand, repeats any other request once."""

    info = ModelInfo("lamp", 1, 120, 0.0, "cpu", "none")

    def __init__(self, clip):
        self._clip = clip
        self.talked: dict[str, float] = {}
        """Wish -> the talkativeness that came with its last turn."""

    def encode(self, images):
        return lamp(images[-1], self._clip)

    def open_lane(self, window=None):
        return LampLane()

    def fork(self, lane):
        return LampLane(lane.before)

    def drop(self, lane):
        lane.wish = ""

    def watch(self, lane, second, colour):
        lane.before = colour

    def turn(self, lane, second, colour, instructions=(), talkativeness=0.0):
        lane.wish = instructions[-1] if instructions else lane.wish
        self.talked[lane.wish] = talkativeness
        before, lane.before = lane.before, colour
        if EXPLODE in instructions:
            raise RuntimeError("It was told to explode")
        words = ""
        if lane.wish == GREEN:
            words = "The light is green." if (before, colour) == ("red", "green") else ""
        elif lane.wish == NARRATE:
            words = f"Second {second}." if second % 3 == 0 else ""
        elif instructions:
            words = f"Heard: {instructions[-1]}"
        if not words:
            standing = lane.wish == NARRATE and second % 3 == 2
            yield Step(State.STANDBY, STANDING_BY, done=True) if standing else Step(State.SILENCE, SILENT, done=True)
            return
        yield Step(State.RESPONSE, SPEAKING)
        yield Step(State.RESPONSE, SPEAKING, words, done=True)
