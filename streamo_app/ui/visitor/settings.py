"""What a visitor may set: frames per second and window of their runs, and everybody's model. No Gradio in here."""

from dataclasses import dataclass, replace

from streamo_app.config import BUILT_IN_MODEL, QUANTIZE, AppConfig
from streamo_app.models.interface import ModelInfo
from streamo_app.ui.visitor.messages import Action
from streamo_app.ui.visitor.model_switch import ModelSwitch

FPS = (1, 2)
SHORTEST_S = 5
"""A window shorter than this forgets the beginning of what is happening now."""
LONGER = 5
"""A window may be this many times the checkpoint's own if the visitor explicitly allows it."""
MAX_NAME = 500


@dataclass(frozen=True)
class RunSettings:
    """They apply from the next start; None is the checkpoint's own value."""

    fps: int | None = None
    window: int | None = None
    """Seconds."""

    def fitting(self, info: ModelInfo) -> "RunSettings":
        """The same for a model that may have a shorter window than the one these were set for."""
        return self if self.window is None or self.window <= LONGER * info.window else replace(self, window=None)


def read_settings(action: Action, info: ModelInfo, config: AppConfig) -> RunSettings:
    """Raises ValueError (one sentence) for what is not possible."""
    fps, window = action.raw("fps"), action.raw("window")
    if isinstance(fps, bool) or not isinstance(fps, int | float) or fps not in (*FPS, info.fps):
        raise ValueError("Choose 1 or 2 frames per second.")
    longer = action.flag("longer") and not config.exposed
    shortest, longest = min(SHORTEST_S, info.window), info.window * (LONGER if longer else 1)
    if isinstance(window, bool) or not isinstance(window, int) or not shortest <= window <= longest:
        beyond = f" (up to {info.window * LONGER} s if you allow more than it was trained on)"
        raise ValueError(f"It can remember {shortest} to {longest} s{'' if config.exposed or longer else beyond}.")
    return RunSettings(int(fps), window)


def change_model(switch: ModelSwitch, action: Action, config: AppConfig) -> None:
    """Begin to load another model. Raises ValueError (one sentence) when that is not allowed, the name is not usable,
    or another one is loading; what is wrong with the model itself shows later, in `ModelSwitch.state()`."""
    if not config.models_allowed:
        why = "a Space keeps its own" if config.on_space else "start it with --allow-models"
        raise ValueError(f"This page may not change its server's model; {why}.")
    kind, name, quantize = (action.text(field).strip() for field in ("kind", "name", "quantize"))
    if kind == "built in":
        name = BUILT_IN_MODEL
    elif kind not in ("folder", "hub") or not name or len(name) > MAX_NAME or not name.isprintable():
        raise ValueError("Type a model folder, or a hub id such as owner/name.")
    elif kind == "hub" and (name.count("/") != 1 or name.startswith(("/", ".", "~")) or name.endswith("/")):
        raise ValueError("A hub id has the form owner/name.")
    if quantize not in ("", *QUANTIZE):
        raise ValueError(f"Quantization must be one of {', '.join(QUANTIZE)}.")
    from streamo_app.models.loading import load_model  # torch comes in with it

    switch.begin(name, lambda on_stage: load_model(name, quantize=quantize or None, on_stage=on_stage))
