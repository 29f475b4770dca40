"""Configuration of a training run: one frozen dataclass, read from YAML, saved beside every checkpoint."""

import hashlib
import json
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import yaml

DESK_MIX = ("same_view",)
MIX = ("task", "timed", "ask_each", "persist", "onset", "held", "tally", "recall", *DESK_MIX)
"""Kinds of rows; DESK_MIX is of desks alone."""
WORLDS = ("street", "desk")
LEAST_LAYERS = 3
_YOUNG = ("first_clip", "aux_before", "aux_events", "sections", "fresh")
"""Keys that are younger than some weights that carry a digest: they count where they are used."""
FRESH = ("seed", "stills", "clips", "first_clip", "two_fps")
"""Keys of a run that a stage may give anew."""
_SHAPELESS = ("out", "run_dir", "workers", "save_every", "response_bias")


@dataclass(frozen=True)
class Stage:
    """One stretch of training with its own data and learning rates."""

    name: str
    """Names its checkpoint and its curve."""
    kind: str
    """"vision" (patch labels, vision tower only) or "dialogue" (streaming SFT, vision tower frozen)."""
    steps: int
    """Optimizer steps."""
    lr: float
    """Peak learning rate of AdamW: vision tower, or embeddings, merger and norms."""
    matrix_lr: float = 0.0
    """Peak learning rate of Muon for the language model's matrices; 0 = AdamW for them too."""
    warmup: int = 30
    """Steps from 0 to the peak."""
    flat: float = 0.4
    """Share of the steps before the linear decay to 4 % of the peak."""
    batch: int = 96
    """Frames a step (vision), all processes together."""
    tokens: int = 6000
    """Tokens a step (dialogue), all processes together, padding excluded; the last row may exceed it."""
    seconds: tuple[int, int] = (16, 16)
    """Least and most seconds of a task dialogue; lengths between are drawn log-uniformly, one for the whole step."""
    practice_seconds: tuple[int, int] = (2, 6)
    """Least and most turns of a practice dialogue."""
    mix: dict[str, float] = field(default_factory=lambda: {"task": 1.0})
    """Share of each kind of row: task, timed, and over loose frames ask_each, persist, onset, held, tally, same_view,
    recall."""
    worlds: dict[str, float] = field(default_factory=lambda: {"street": 1.0})
    """Share of each world among rows."""
    two_fps: float = 0.0
    """Share of task rows with two pictures a second, which are half as long."""
    silent_dropped: float = 0.7
    """Share of the task rows in which nothing is to be said that are not trained on."""
    tasks: dict[str, float] = field(default_factory=dict)
    """Relative share of each task among task rows; one that is not named has 1."""
    aux_practice: float = 1.0
    """Weight of the per-token match loss on practice rows."""
    aux_task: float = 0.4
    """Weight of the per-token match loss on task rows."""
    aux_clock: float = 0.1
    """Weight of reading the clock off visual tokens (`training/step_modules.py`)."""
    aux_pointer: float = 0.3
    """Weight of looking at the turn that a number in an answer was read from."""
    aux_before: float = 0.0
    """Weight of knowing what was at the same place one picture ago (`training/previous_frame.py`); 0 = no heads for it."""
    aux_events: float = 0.0
    """Weight of knowing all that is new on a turn, whatever is asked (`training/aux_heads.py`)."""
    sections: tuple[int, ...] = ()
    """From this stage on, rotary pairs of time, rows, columns, time, ... in turn (M-RoPE); () = as before."""
    fresh: dict[str, Any] = field(default_factory=dict)
    """From this stage on: other material, as `FRESH` of a run (keys left out are the run's own); what was rendered
    before is deleted."""
    mistakes: float = 0.05
    """Share of turns shown with a wrong state in dialogues that get any."""
    loss: str = "focal"
    """focal, scale or ce (`finetune/loss.py`)."""

    def __post_init__(self):
        if self.kind not in ("vision", "dialogue"):
            raise ValueError(f"stage {self.name!r} has kind {self.kind!r}; take vision or dialogue.")
        if self.steps < 1 or self.lr <= 0:
            raise ValueError(f"stage {self.name!r} needs steps >= 1 and lr > 0, got steps={self.steps}, lr={self.lr}.")
        if not isinstance(self.fresh, dict) or (unknown := sorted(set(self.fresh) - set(FRESH))):
            raise ValueError(f"stage {self.name!r} has fresh: {self.fresh!r}; give a mapping of {', '.join(FRESH)}.")
        for what, given, known in (("mix", self.mix, MIX), ("worlds", self.worlds, WORLDS)):
            if unknown := sorted(set(given) - set(known)):
                raise ValueError(f"stage {self.name!r} has {unknown[0]!r} in {what}; take {', '.join(known)}.")
            if not sum(given.values()) > 0:
                raise ValueError(
                    f"stage {self.name!r} has nothing in {what}; give one of {', '.join(known)} a share above 0."
                )


@dataclass(frozen=True)
class Part:
    """Stages in a row that learn from the same material."""

    number: int
    """From 0."""
    first: int
    """Index of its first stage."""
    seed: int
    stills: dict[str, int]
    clips: dict[str, dict[int, int]]
    first_clip: int
    two_fps: int

    def __post_init__(self):
        if not all(isinstance(value, dict) for value in (self.stills, self.clips)) or not all(
            isinstance(lengths, dict) and lengths and all(isinstance(seconds, int) for seconds in lengths)
            for lengths in self.clips.values()
        ):
            raise ValueError(
                "stills are {world: number} and clips {world: {seconds: number}}; see finetune/configs/streamo-tiny.yaml."
            )


@dataclass(frozen=True)
class TrainConfig:
    """A whole run."""

    name: str
    """Written into the model folder."""
    out: str
    """Folder of the finished model."""
    run_dir: str = "runs/default"
    """Folder of checkpoints, curves, features."""
    seed: int = 0
    min_pixels: int = 6272
    max_pixels: int = 18816
    """Limits of a frame after resizing: at most 24 visual tokens."""
    window: int = 120
    """Seconds that a lane keeps: the longest clip below."""
    response_bias: float = 0.0
    """Added to the response logit by whoever loads the model; chosen with `evaluate --bias` on validation clips."""
    model: dict[str, int] = field(default_factory=dict)
    """Sizes for `tiny.tiny_config`."""
    vocab: int = 2048
    stills: dict[str, int] = field(default_factory=lambda: {"street": 24000})
    """Loose frames of each world."""
    clips: dict[str, dict[int, int]] = field(default_factory=lambda: {"street": {48: 1200, 120: 150}})
    """World -> seconds -> number of training clips."""
    first_clip: int = 0
    """Training clips are numbered from here: a run that goes on from `init` begins beyond the clips that those weights
    have seen."""
    two_fps: int = 4
    """One in so many of the clips of at most 60 s is rendered at two frames a second; 0 = none."""
    init: str = ""
    """A model folder to start from in place of random weights."""
    workers: int = 0
    """Rendering processes; 0 = one per core."""
    precision: str = "auto"
    """auto = bf16 autocast where the device computes it natively, else float32."""
    save_every: int = 200
    """Steps between checkpoints."""
    stages: tuple[Stage, ...] = ()

    def __post_init__(self):
        if not self.stages:
            raise ValueError("the configuration has no stages; list at least one.")
        names = [stage.name for stage in self.stages]
        if len(set(names)) < len(names):
            raise ValueError(f"two stages have one name ({', '.join(names)}); checkpoints and curves are kept by name.")
        self._check_stages()
        for world, lengths in ((world, lengths) for part in self.parts for world, lengths in part.clips.items()):
            if max(lengths) < self.window:
                raise ValueError(
                    f"window is {self.window} s but the longest {world} clip has {max(lengths)} s; a window is a length trained on."
                )

    def _check_stages(self) -> None:
        """Every stage finds rows: clips long enough, and frames, of each of its worlds."""
        for index, stage in enumerate(self.stages):
            part = self.part(index)
            if stage.kind != "dialogue":
                continue
            if self.model.get("layers", LEAST_LAYERS) < LEAST_LAYERS:
                raise ValueError(
                    f"the model has {self.model['layers']} layers; the auxiliary losses need {LEAST_LAYERS} or more."
                )
            for world in (world for world, share in stage.worlds.items() if share > 0):
                lengths = part.clips.get(world, {})
                if (
                    stage.mix.get("task", 0) + stage.mix.get("timed", 0) > 0
                    and max(lengths, default=0) < stage.seconds[1]
                ):
                    raise ValueError(
                        f"stage {stage.name!r} wants {stage.seconds[1]} s of {world}, but its longest clip has {max(lengths, default=0)} s."
                    )
                if world != "desk" and not any(stage.mix.get(kind, 0) > 0 for kind in MIX if kind not in DESK_MIX):
                    raise ValueError(f"stage {stage.name!r} has no rows of {world}: it knows no {', '.join(DESK_MIX)}.")
            if stage.two_fps >= 1 and not part.two_fps:
                raise ValueError(
                    f"stage {stage.name!r} wants two pictures a second alone, but no clip has them (two_fps: 0)."
                )

    def part(self, index: int) -> Part:
        """The part that stage `index` belongs to: of the run's own material, or of the last stage up to it that asked
        for other."""
        begun = [0, *(i for i, stage in enumerate(self.stages[: index + 1]) if stage.fresh)]
        given = {key: getattr(self, key) for key in FRESH} | self.stages[begun[-1]].fresh
        return Part(len(begun) - 1, begun[-1], **given)

    @property
    def parts(self) -> list[Part]:
        """In the order in which they are learnt from."""
        return list({part.number: part for part in map(self.part, range(len(self.stages)))}.values())

    @property
    def digest(self) -> str:
        """Hash of everything that shapes the weights."""
        what = shaping(asdict(self)) | {"stages": [shaping(asdict(stage)) for stage in self.stages]}
        return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:16]

    def save(self, path: Path) -> None:
        path.write_text(yaml.safe_dump(_plain(asdict(self)), sort_keys=False))


def shaping(given: dict[str, Any]) -> dict[str, Any]:
    """What of a run or of a stage shapes the weights: the part that a digest is of."""
    return {key: value for key, value in given.items() if key not in _SHAPELESS and (value or key not in _YOUNG)}


def _plain(value: Any) -> Any:
    """Tuples as lists: YAML has no other name for them."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, (list, tuple)) else value


def load_config(path: str | Path, changes: list[str] = ()) -> TrainConfig:
    """Configuration from YAML, with `key=value` changes ("stages.1.steps=50" reaches into a list).

    Raises ValueError naming the file or the key that is wrong.
    """
    raw = read_yaml(path)
    for change in changes:
        _apply(raw, change)
    return _config(raw, str(path))


def read_yaml(path: str | Path) -> dict[str, Any]:
    """The mapping in a YAML file. Raises ValueError, one sentence, where there is none."""
    try:
        raw = yaml.safe_load(Path(path).read_text())
    except OSError:
        raise ValueError(f"There is no configuration {path}; take one of finetune/configs.") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is not YAML: {str(error).splitlines()[0]}.") from None
    if not isinstance(raw, dict):
        raise ValueError(f"{path} holds {type(raw).__name__}, not a mapping.")
    return raw


def _apply(raw: Any, change: str) -> None:
    key, eq, value = change.partition("=")
    if not eq:
        raise ValueError(f"--set {change!r} has no '='; write key=value.")
    *parents, last = key.split(".")
    at = raw
    try:
        for part in parents:
            at = at[int(part)] if isinstance(at, list) else at[part]
        at[int(last) if isinstance(at, list) else last] = yaml.safe_load(value)
    except (KeyError, IndexError, ValueError, TypeError):
        raise ValueError(f"--set {change!r}: the configuration has no {key!r}.") from None


def _config(raw: Any, where: str) -> TrainConfig:
    listed = raw.get("stages", ())
    if not isinstance(listed, (list, tuple)) or not all(isinstance(stage, dict) for stage in listed):
        raise ValueError(
            f"{where}: stages is a list with a mapping for each stage; see finetune/configs/streamo-tiny.yaml."
        )
    stages = tuple(from_mapping(Stage, stage, f"{where}: stage {i}") for i, stage in enumerate(listed))
    return from_mapping(TrainConfig, raw | {"stages": stages}, where)


def from_mapping(cls: type, raw: dict[str, Any], where: str):
    """A configuration dataclass; lists become tuples. Raises ValueError, starting with `where`, on an unknown or
    missing key."""
    names = {f.name for f in fields(cls)}
    unknown = sorted(set(raw) - names)
    if unknown:
        raise ValueError(f"{where}: unknown key {unknown[0]!r}; known are {', '.join(sorted(names))}.")
    values = {key: tuple(value) if isinstance(value, list) else value for key, value in raw.items()}
    try:
        return cls(**values)
    except TypeError as error:
        raise ValueError(f"{where}: {error}.") from None
