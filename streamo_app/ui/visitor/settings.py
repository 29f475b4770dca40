"""How a visitor wants his runs: pictures a second, window, pause, and the model for everybody. No Gradio in here.

`act` does what a click asks, `control_view` says what the page shows of it. Both get what they need; a desk is not
known here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from streamo_app.config import BUILT_IN_MODEL, QUANTIZE, AppConfig
from streamo_app.live.snapshot import Snapshot
from streamo_app.models.interface import ModelInfo
from streamo_app.ui.visitor.model_switch import Switch

FPS = (1, 2)
SHORTEST_S = 5
"""A window shorter than this forgets the beginning of what happens now."""
LONGER = 5
"""A window may be this many times the checkpoint's own, where its user asks for it knowingly."""
MAX_NAME = 500


@dataclass(frozen=True)
class Wanted:
    """Of the next start on; None is the checkpoint's own."""

    fps: int | None = None
    window: int | None = None

    def fitting(self, info: ModelInfo) -> "Wanted":
        """The same for a model that may have a shorter window than the one it was asked of."""
        return self if self.window is None or self.window <= LONGER * info.window else replace(self, window=None)


def read_wanted(what: Mapping, info: ModelInfo, config: AppConfig) -> Wanted:
    """From untrusted JSON. Raises ValueError (one sentence) for what is not possible."""
    fps, window = what.get("fps"), what.get("window")
    if fps not in (*FPS, info.fps) or isinstance(fps, bool):
        raise ValueError("One or two pictures a second are possible.")
    longest = info.window * (LONGER if what.get("longer") is True and not config.exposed else 1)
    if isinstance(window, bool) or not isinstance(window, int) or not min(SHORTEST_S, info.window) <= window <= longest:
        more = (
            ""
            if config.exposed or longest > info.window
            else f" (to {info.window * LONGER} s if you allow more than it learnt)"
        )
        raise ValueError(f"It can remember {min(SHORTEST_S, info.window)} to {longest} s{more}.")
    return Wanted(int(fps), window)


def change_model(switch: Switch, what: Mapping, config: AppConfig) -> None:
    """Begin to load another model. Raises ValueError (one sentence): not allowed, no name, busy; what is wrong with the
    model itself is found out later and is in `Switch.state()`."""
    if not config.models_allowed:
        why = "a Space keeps its own" if config.on_space else "start it with --allow-models"
        raise ValueError(f"This page may not change the model of its server; {why}.")
    kind, name, quantize = (str(what.get(key) or "").strip() for key in ("kind", "name", "quantize"))
    if kind == "built in":
        name = BUILT_IN_MODEL
    elif kind not in ("folder", "hub") or not name or len(name) > MAX_NAME or not name.isprintable():
        raise ValueError("Type the folder of a model, or its hub id as owner/name.")
    elif kind == "hub" and (name.count("/") != 1 or name.startswith(("/", ".", "~")) or name.endswith("/")):
        raise ValueError("A hub id is an owner and a name, as owner/name.")
    if quantize not in ("", *QUANTIZE):
        raise ValueError(f"Weights can be loaded as {', '.join(QUANTIZE)}.")
    from streamo_app.models.loading import load_model  # torch comes in with it

    switch.begin(name, lambda tell: load_model(name, quantize=quantize or None, told=tell))


def control_view(
    snapshot: Snapshot, info: ModelInfo, wanted: Wanted, switch: dict, *, address: str = "", holds: bool = False
) -> dict:
    """What the page shows. `holds`: the run under way is one that the server pauses, not the player; `address`: title
    of the one last used."""
    return {
        "paused": snapshot.paused,
        "holds": holds,
        "fps": wanted.fps or info.fps,
        "window": wanted.window or info.window,
        "address": address,
        "model": {
            "name": info.name, "device": info.device, "quantize": info.quantize, "fps": info.fps, "window": info.window,
            "longest": info.window * LONGER, "built_in": info.name == BUILT_IN_MODEL,
        },
        "switch": switch,
    }  # fmt: skip


def empty_control() -> dict:
    """Of a page without a session."""
    return {"paused": False, "holds": False, "fps": 1, "window": 0, "address": "", "model": None, "switch": None}
