"""Configuration of a training run: frozen dataclasses, read from YAML, saved beside every checkpoint.

Types and ranges are checked by pydantic before anything starts. Every mistake is a ValueError of one sentence that
names the key.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, field, fields
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import yaml
from pydantic import ConfigDict, Field, StrictStr
from pydantic.dataclasses import dataclass
from typing_extensions import TypedDict

from finetune.model.sizes import ModelSizes
from finetune.settings import (
    AtLeastOne,
    Count,
    Number,
    Positive,
    Share,
    Text,
    Weight,
    apply_change,
    from_mapping,
    one_of,
    read_yaml,
    shaped,
)
from finetune.world.desk import tasks as desk
from finetune.world.street import tasks as street
from streamo_app.files import atomic_write

World = Literal["street", "desk"]
WORLDS: tuple[str, ...] = get_args(World)
Kind = Literal["task", "timed", "ask_each", "persist", "onset", "held", "tally", "recall", "same_view"]
"""Kinds of training samples."""
MIX: tuple[str, ...] = get_args(Kind)
DESK_MIX = ("same_view",)
"""Kinds that only the desk world has."""
LEAST_LAYERS = 3
_ADDED_LATER = ("first_clip", "aux_before", "aux_events", "sections", "fresh")
"""Keys that are younger than some weights that carry a digest: they count where they are used."""
_SHAPELESS = ("out", "run_dir", "workers", "save_every", "response_bias")
"""Keys that do not shape the weights."""


Stills = Annotated[dict[World, Count], shaped("{world: number}")]
"""World -> number of single frames."""
_Lengths = Annotated[dict[AtLeastOne, Count], Field(min_length=1)]
Clips = Annotated[dict[World, _Lengths], shaped("{world: {seconds: number}}")]
"""World -> seconds -> number of clips."""
Size = Annotated[StrictStr, one_of([size.name for size in fields(ModelSizes)])]
Task = Annotated[StrictStr, one_of((*street.TASKS, *desk.TASKS))]


class Rendered(TypedDict, total=False):
    """Keys of a run that a stage may give again: what is rendered from then on."""

    __pydantic_config__ = ConfigDict(extra="forbid")  # type: ignore[misc]  # how pydantic configures a TypedDict
    seed: Count
    stills: Stills
    clips: Clips
    first_clip: Count
    two_fps: Count


RENDERED = tuple(Rendered.__annotations__)


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Stage:
    """One stretch of training with its own data and learning rates."""

    name: Text
    """Names its checkpoint and its curve."""
    kind: Literal["vision", "dialogue"]
    """"vision" (patch labels, vision tower only) or "dialogue" (streaming SFT, vision tower frozen)."""
    steps: AtLeastOne
    """Optimizer steps."""
    lr: Positive
    """Peak learning rate of AdamW: vision tower, or embeddings, merger and norms."""
    matrix_lr: Weight = 0.0
    """Peak learning rate of Muon for the language model's matrices; 0 = AdamW for them too."""
    warmup: Count = 30
    """Steps from 0 to the peak."""
    flat: Share = 0.4
    """Share of the steps before the linear decay to 4 % of the peak."""
    batch: AtLeastOne = 96
    """Frames per step (vision), all processes together."""
    tokens: AtLeastOne = 6000
    """Tokens per step (dialogue), all processes together, padding excluded; the last sample may exceed it."""
    seconds: tuple[AtLeastOne, AtLeastOne] = (16, 16)
    """Least and most seconds of a task dialogue; lengths between are drawn log-uniformly, one for the whole step."""
    practice_seconds: tuple[AtLeastOne, AtLeastOne] = (2, 6)
    """Least and most turns of a practice dialogue."""
    mix: dict[Kind, Weight] = field(default_factory=lambda: {"task": 1.0})
    """Share of each kind of sample: task, timed, and over stills ask_each, persist, onset, held, tally, same_view,
    recall."""
    worlds: dict[World, Weight] = field(default_factory=lambda: {"street": 1.0})
    """Share of each world among samples."""
    two_fps: Share = 0.0
    """Share of task samples at two frames per second, which are half as long."""
    silent_dropped: Share = 0.7
    """Share of the task samples without any response that are not trained on."""
    tasks: dict[Task, Weight] = field(default_factory=dict)
    """Relative share of each task among task samples; one that is not named has 1."""
    aux_practice: Weight = 1.0
    """Weight of token grounding on practice samples (`training/aux_heads.py`)."""
    aux_task: Weight = 0.4
    """Weight of token grounding on task samples."""
    aux_clock: Weight = 0.1
    """Weight of reading the timestamp off visual tokens."""
    aux_pointer: Weight = 0.3
    """Weight of attending to the turn that a number in an answer was read from."""
    aux_before: Weight = 0.0
    """Weight of the losses on the previous frame (`training/previous_frame.py`); 0 = no heads for it."""
    aux_events: Weight = 0.0
    """Weight of tagging all that is new on a turn, whatever is asked."""
    sections: tuple[AtLeastOne, ...] = ()
    """From this stage on, rotary pairs of time, rows, columns, time, ... in turn (M-RoPE); () = as before."""
    fresh: Rendered = field(default_factory=Rendered)
    """From this stage on, other frames and clips (keys left out are the run's own); what was rendered before is
    deleted."""
    mistakes: Share = 0.05
    """Share of turns shown with a wrong state in dialogues that get any."""
    loss: Literal["focal", "scale", "ce"] = "focal"
    """Of `finetune/loss.py`."""

    def __post_init__(self) -> None:
        for key, given, known in (("mix", self.mix, MIX), ("worlds", self.worlds, WORLDS)):
            if not sum(given.values()) > 0:
                raise ValueError(
                    f"stage {self.name!r} has nothing in {key}; give one of {', '.join(known)} a share above 0."
                )
        for key, (least, most) in (("seconds", self.seconds), ("practice_seconds", self.practice_seconds)):
            if least > most:
                raise ValueError(f"stage {self.name!r} has {key} [{least}, {most}]; write the smaller number first.")


@dataclass(frozen=True)
class Part:
    """Consecutive stages that learn from the same frames and clips."""

    number: int
    """From 0."""
    first: int
    """Index of its first stage."""
    seed: int
    stills: Stills
    clips: Clips
    first_clip: int
    two_fps: int


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class TrainConfig:
    """A whole run."""

    name: Text
    """Written into the model folder."""
    out: Text
    """Folder of the finished model."""
    run_dir: Text = "runs/default"
    """Folder of checkpoints, curves, features."""
    seed: Count = 0
    min_pixels: AtLeastOne = 6272
    max_pixels: AtLeastOne = 18816
    """Limits of a frame after resizing: at most 24 visual tokens."""
    window: AtLeastOne = 120
    """Seconds that a lane keeps: the longest clip below."""
    response_bias: Number = 0.0
    """Added to the response logit by whoever loads the model; chosen with `evaluate --bias` on validation clips."""
    model: dict[Size, AtLeastOne] = field(default_factory=dict)
    """Sizes of the model (`model/sizes.py`)."""
    vocab: AtLeastOne = 2048
    stills: Stills = field(default_factory=lambda: {"street": 24000})
    clips: Clips = field(default_factory=lambda: {"street": {48: 1200, 120: 150}})
    first_clip: Count = 0
    """Training clips are numbered from here: a run that goes on from `init` begins beyond the clips that those weights
    have seen."""
    two_fps: Count = 4
    """One in so many of the clips of at most 60 s is rendered at two frames per second; 0 = none."""
    init: StrictStr = ""
    """A model folder to start from in place of random weights."""
    workers: Count = 0
    """Rendering processes; 0 = one per core."""
    precision: Literal["auto", "bf16", "float32"] = "auto"
    """auto = bf16 autocast where the device computes it natively, else float32."""
    save_every: AtLeastOne = 200
    """Steps between checkpoints."""
    stages: tuple[Stage, ...] = ()

    def __post_init__(self) -> None:
        if not self.stages:
            raise ValueError("the configuration has no stages; list at least one.")
        if self.min_pixels > self.max_pixels:
            raise ValueError(f"min_pixels is {self.min_pixels}, more than max_pixels, which is {self.max_pixels}.")
        names = [stage.name for stage in self.stages]
        if len(set(names)) < len(names):
            raise ValueError(f"two stages have one name ({', '.join(names)}); checkpoints and curves are kept by name.")
        for index in range(len(self.stages)):
            self._check_stage(index)
        for world, lengths in ((world, lengths) for part in self.parts for world, lengths in part.clips.items()):
            if max(lengths) < self.window:
                raise ValueError(
                    f"window is {self.window} s but the longest {world} clip has {max(lengths)} s; "
                    "a window is a length trained on."
                )

    def _check_stage(self, index: int) -> None:
        """A dialogue stage finds samples: clips long enough, and frames, of each of its worlds."""
        stage, part = self.stages[index], self.part(index)
        if stage.kind != "dialogue":
            return
        if self.model.get("layers", LEAST_LAYERS) < LEAST_LAYERS:
            raise ValueError(
                f"the model has {self.model['layers']} layers; the auxiliary losses need {LEAST_LAYERS} or more."
            )
        on_clips = stage.mix.get("task", 0) + stage.mix.get("timed", 0) > 0
        for world in (world for world, share in stage.worlds.items() if share > 0):
            longest = max(part.clips.get(world, {}), default=0)
            if on_clips and longest < stage.seconds[1]:
                raise ValueError(
                    f"stage {stage.name!r} wants {stage.seconds[1]} s of {world}, but its longest clip has {longest} s."
                )
            if world != "desk" and not any(share > 0 for kind, share in stage.mix.items() if kind not in DESK_MIX):
                raise ValueError(f"stage {stage.name!r} has no samples of {world}: it knows no {', '.join(DESK_MIX)}.")
        if stage.two_fps >= 1 and not part.two_fps:
            raise ValueError(
                f"stage {stage.name!r} wants two frames per second alone, but no clip has them (two_fps: 0)."
            )

    def part(self, index: int) -> Part:
        """The part that stage `index` belongs to: of the run's own frames and clips, or of those that the last stage up
        to it has asked for."""
        begun = [0, *(i for i, stage in enumerate(self.stages[: index + 1]) if stage.fresh)]
        rendered: dict[str, Any] = {key: getattr(self, key) for key in RENDERED} | self.stages[begun[-1]].fresh
        return Part(len(begun) - 1, begun[-1], **rendered)

    @property
    def parts(self) -> list[Part]:
        """In the order in which they are learned from."""
        return list({part.number: part for part in map(self.part, range(len(self.stages)))}.values())

    @property
    def digest(self) -> str:
        """Hash of everything that shapes the weights."""
        shape = shaping(asdict(self)) | {"stages": [shaping(asdict(stage)) for stage in self.stages]}
        return hashlib.sha256(json.dumps(shape, sort_keys=True).encode()).hexdigest()[:16]

    def save(self, path: Path) -> None:
        with atomic_write(path) as tmp:
            tmp.write_text(yaml.safe_dump(_plain(asdict(self)), sort_keys=False))


def shaping(given: dict[str, Any]) -> dict[str, Any]:
    """The keys of a run or of a stage that shape the weights: what a digest is made of."""
    return {key: value for key, value in given.items() if key not in _SHAPELESS and (value or key not in _ADDED_LATER)}


def _plain(value: Any) -> Any:
    """Tuples as lists: YAML has no other name for them."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, (list, tuple)) else value


def load_config(path: str | Path, changes: Sequence[str] = ()) -> TrainConfig:
    """Configuration from YAML, with `key=value` changes ("stages.1.steps=50" reaches into a list).

    Raises ValueError naming the file and the key that is wrong.
    """
    raw = read_yaml(path)
    for change in changes:
        apply_change(TrainConfig, raw, change)
    return from_mapping(TrainConfig, raw, str(path))
