"""The sample clips of the page and the instructions it suggests; what they are is in `assets/clips/README.md`."""

import json
from dataclasses import dataclass
from pathlib import Path

from streamo_app.files import assets_dir
from streamo_app.protocol import NARRATE

CLIPS_DIR = assets_dir() / "clips"

GREEN = "Notify me when the light turns green."
SUGGESTIONS = {
    # The built-in model: sentences from its training data. A webcam films a room; other sources may show either of the
    # worlds that it knows.
    "built_in": {
        "webcam": (
            "Tell me when the camera is covered.",
            "Tell me when the lights go off.",
            "Notify me when a red object appears.",
            NARRATE,
        ),
        "camera": (
            "Tell me when somebody comes in.",
            "Tell me when the camera is covered.",
            "Are the lights on?",
            NARRATE,
        ),
        "other": (NARRATE, GREEN, "Notify me when a person appears.", "Describe each event when it ends."),
    },
    "any": {
        "webcam": (
            NARRATE,
            "Tell me when I raise my hand.",
            "Say what I am holding, whenever it changes.",
            "Tell me when somebody comes in.",
        ),
        "camera": (
            "Tell me when somebody comes in.",
            "Tell me when something changes.",
            "How many people are in view?",
            NARRATE,
        ),
        "address": (
            "Tell me when a person appears.",
            "Describe each event when it ends.",
            "Count the cars that pass.",
            NARRATE,
        ),
        "other": (
            NARRATE,
            "Describe each event when it ends.",
            "Notify me when a person appears.",
            "Read out any text that appears.",
        ),
    },
}
"""Kind of model -> source ("other": any that is not named) -> instructions. A sample clip brings its own."""


@dataclass(frozen=True)
class SampleClip:
    name: str
    """Identifies the clip between page and server; the page never sends a path."""
    path: Path
    title: str
    ask: tuple[str, ...]
    """Instructions that something in this clip answers."""


def load_clips(folder: Path = CLIPS_DIR) -> tuple[SampleClip, ...]:
    """The clips listed in `folder/clips.json`, in its order.

    Raises ValueError when a listed clip is missing: an incomplete checkout should say so at once.
    """
    listing = folder / "clips.json"
    if not listing.is_file():
        raise ValueError(f"The sample clips are missing: {listing} does not exist; get a complete copy of Streamo.")
    clips = [
        SampleClip(Path(item["file"]).stem, folder / item["file"], item["title"], tuple(item["ask"]))
        for item in json.loads(listing.read_text())
    ]
    for clip in clips:
        if not clip.path.is_file():
            raise ValueError(f"The sample clip {clip.path} is missing; get a complete copy of Streamo.")
    return tuple(clips)
