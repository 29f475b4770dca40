"""What all variants share: tokenizer and frozen vision tower of a finished model, stills, training clips,
held-out clips, samples.

Rendered and encoded once into the run's folder; held-out clips are drawn again by each process, which takes a second.
"""

import hashlib
import pickle
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from finetune.ablation.plan import Plan
from finetune.annotations import Record
from finetune.build import Dialogue, build_dialogue
from finetune.config import World
from finetune.data import clips, stills
from finetune.data.batch import Sample
from finetune.data.encode import Corruptions, FrameInputs, SequenceEncoder
from finetune.data.patch_labels import CLASSES
from finetune.data.sampler import TaskSampler
from finetune.model import tiny, vision
from finetune.world import worlds
from finetune.world.street.draw import draw
from finetune.world.street.scene import make_clip
from streamo_app.files import atomic_write, write_bytes
from streamo_app.models.loading import find_folder, load_model
from streamo_app.models.qwen2_5_vl import Qwen25VL
from streamo_app.models.settings import Settings
from streamo_app.protocol import State
from streamo_app.video.turns import Turn

_WORLD: World = "street"
_CLIP_SEEDS = 3_000_000
"""Training clips count up from here."""


@dataclass(frozen=True)
class Video:
    """A held-out clip: its pictures, shrunk, one a second, and the dialogues on it."""

    frames: np.ndarray
    """(seconds, h, w, 3) uint8"""
    records: tuple[Record, ...]
    dialogues: tuple[Dialogue, ...]

    @property
    def turns(self) -> list[Turn]:
        return [Turn(second, (frame,), 0.0) for second, frame in enumerate(self.frames)]


class AblationMaterial:
    """Of one process. Raises ValueError where the base model cannot be read."""

    def __init__(self, plan: Plan, folder: Path):
        self.plan, self.folder = plan, folder
        base = load_model(plan.base, quantize="none", device="cpu")
        self.tokenizer, self._tower = base.wire.tokenizer, base.model.model.visual
        settings = Settings.read(find_folder(plan.base))
        self.limits = (settings.min_pixels, settings.max_pixels)
        self.window = settings.window
        self.family = Qwen25VL(self.model().config, min_pixels=self.limits[0], max_pixels=self.limits[1])
        self.wire = self.family.wire(self.tokenizer)

    def model(self):
        """A fresh model, float32: the base's tower up to the merger, everything else random by `plan.seed`; the tower
        takes no gradient."""
        seen = self._tower.config
        sizes = dict(vision_hidden=seen.hidden_size, vision_layers=seen.depth, vision_mlp=seen.intermediate_size)
        model = tiny.tiny_model(self.tokenizer, self.plan.seed, **sizes, **self.plan.model).float()
        model.model.visual.load_state_dict(tower_state(self._tower), strict=False)
        for name, parameter in model.named_parameters():
            parameter.requires_grad_("visual" not in name or "merger" in name)
        return model.train()

    def prepare(self, workers: int, progress: Callable[[str, float], None] = lambda what, share: None) -> None:
        """Renders and encodes what is missing; `progress(what, share done)` along the way."""
        still_frames = self.folder / "stills.pkl"
        if not still_frames.exists():
            progress("stills", 0.0)
            groups = stills.render_stills({_WORLD: self.plan.stills}, self.plan.seed, self.limits, workers)
            for group in groups:
                group.features, group.frames = stills.features(self._tower, group.frames), group.frames[:1]
            write_bytes(still_frames, pickle.dumps(groups, protocol=5))
        specs, frames = self._specs(), self.folder / "frames"
        if all((self.folder / "clips" / spec.name).exists() for spec in specs):
            return
        for done in clips.render(specs, frames, self.limits, workers):
            progress("clips drawn", done / len(specs))
        for done in clips.encode(self._tower, specs, frames, self.folder / "clips", workers):
            progress("clips encoded", done / len(specs))

    def sampler(self, states: int = 3) -> TaskSampler:
        """Of training; with two states standby is silence."""
        # A cache of this run alone: it names classes by module, so another version of the source cannot read it.
        groups = pickle.loads((self.folder / "stills.pkl").read_bytes())
        return TaskSampler(self._encoder(states), groups, self._specs(), self.folder / "clips")

    def _encoder(self, states: int) -> SequenceEncoder:
        return TwoStates(self.wire) if states == 2 else SequenceEncoder(self.wire)

    def _specs(self) -> list[clips.ClipSpec]:
        return clips.clip_specs({_WORLD: {self.plan.clip_seconds: self.plan.clips}}, _CLIP_SEEDS, 0)

    def videos(self, split: str) -> list[Video]:
        """The held-out clips of "val" or "test", the same each time; no training clip is among them."""
        count = {"val": self.plan.validation_clips, "test": self.plan.test_clips}[split]
        return [self._video(seed, split) for seed in range(count)]

    def _video(self, seed: int, split: str) -> Video:
        clip = make_clip(seed, self.plan.held_out_seconds, split)
        frames = np.stack([vision.shrink(draw(clip, second), *self.limits) for second in range(clip.seconds)])
        rng = np.random.default_rng([seed, len(split), 14])
        records = worlds.get(_WORLD).records(clip, rng, self.plan.wordings)
        made = [item for item in records if item.task in self.plan.tasks]
        built = [(item, build_dialogue(item, clip.seconds)[0]) for item in made]
        kept = [(item, dialogue) for item, dialogue in built if dialogue is not None]
        return Video(frames, tuple(item for item, _ in kept), tuple(dialogue for _, dialogue in kept))

    def validation_samples(self, videos: list[Video], states: int = 3) -> list[list[Sample]]:
        """Per video its dialogues as samples, on the gold past."""
        encoder = self._encoder(states)
        made = []
        for video in videos:
            tokens = video.frames.shape[1] * video.frames.shape[2] // tiny.TOKEN_PX**2
            blank = [np.zeros((tokens, len(CLASSES)), np.uint8)] * len(video.frames)
            frames = FrameInputs(
                stills.features(self._tower, video.frames), video.frames.shape[1:3], blank, [None] * len(video.frames)
            )
            made.append([encoder.encode(dialogue, frames) for dialogue in video.dialogues])
        return made


def without_standby(dialogue: Dialogue) -> Dialogue:
    """The dialogue of a model that knows silence and response alone."""
    turns = (replace(turn, state=State.SILENCE) if turn.state is State.STANDBY else turn for turn in dialogue.turns)
    return replace(dialogue, turns=tuple(turns))


class TwoStates(SequenceEncoder):
    """Makes samples in which standby is silence, as label and as the past that is read."""

    def encode(
        self, dialogue: Dialogue, frames: FrameInputs, corruptions: Corruptions | None = None, practice: bool = False
    ) -> Sample:
        if corruptions is not None and corruptions.gold is not None:
            corruptions = replace(corruptions, gold=without_standby(corruptions.gold))
        return super().encode(without_standby(dialogue), frames, corruptions, practice)


def tower_state(visual) -> dict[str, torch.Tensor]:
    """Weights of a vision tower up to the merger."""
    return {name: tensor for name, tensor in visual.state_dict().items() if not name.startswith("merger.")}


def base_digest(base: str) -> bytes:
    """What identifies the base model's frozen tower, tokenizer and picture limits, whatever its language model. Raises
    ValueError."""
    folder = find_folder(base)
    settings = Settings.read(folder)
    found = hashlib.sha256(f"{settings.min_pixels} {settings.max_pixels} {settings.window}".encode())
    found.update((folder / "tokenizer.json").read_bytes())
    for name, tensor in tower_state(load_model(base, quantize="none", device="cpu").model.model.visual).items():
        found.update(name.encode() + tensor.float().numpy().tobytes())
    return found.digest()


def save(path: Path, value: dict) -> None:
    """`torch.save`, written beside and then renamed."""
    with atomic_write(path) as tmp:
        torch.save(value, tmp)
