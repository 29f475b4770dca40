"""The sample clips of the page and the instructions it suggests; what they are is in `assets/clips/README.md`."""

import json
from dataclasses import dataclass
from pathlib import Path

CLIPS_DIR = Path(__file__).resolve().parents[2] / "assets" / "clips"
NARRATE = "Narrate what you see."
"""What Start stands in for when nothing was asked for."""

SUGGESTIONS = (NARRATE, "Notify me when the light turns green.", "Notify me when a person appears.", "Count the cars that pass.")
"""For a source that nobody has seen before."""


@dataclass(frozen=True)
class Clip:
    name: str
    """Names the clip between the page and the server; a path never comes from the page."""
    path: Path
    title: str
    ask: tuple[str, ...]
    """Instructions that something in this clip answers."""


def load_clips(folder: Path = CLIPS_DIR) -> tuple[Clip, ...]:
    """The clips listed in `folder/clips.json`, in its order.

    Raises ValueError when a listed clip is not there: a checkout that is not whole should say so at once.
    """
    listing = folder / "clips.json"
    if not listing.is_file():
        raise ValueError(f"The sample clips are missing: {listing} is not there; get a whole copy of Streamo.")
    clips = [Clip(Path(item["file"]).stem, folder / item["file"], item["title"], tuple(item["ask"])) for item in json.loads(listing.read_text())]
    for clip in clips:
        if not clip.path.is_file():
            raise ValueError(f"The sample clip {clip.path} is missing; get a whole copy of Streamo.")
    return tuple(clips)
