"""What the stages of a run share (model, tokenizer, stills, clips, features), kept under the run's folder."""

import pickle
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from accelerate import Accelerator
from transformers import PreTrainedTokenizerFast

from finetune.config import Part, TrainConfig
from finetune.data import clips, stills
from finetune.data.clips import ClipSpec
from finetune.data.stills import FrameSet
from finetune.model import tiny
from finetune.model.tokenizer_corpus import corpus
from finetune.training.progress import PreparationProgress
from streamo_app.files import write_bytes
from streamo_app.models.loading import load_model, save_pretrained
from streamo_app.models.qwen2_5_vl import Qwen25VL
from streamo_app.protocol import SYSTEM_PROMPT

_CLIP_SEEDS = 1_000_000
"""Training clips count up from here, per length."""


@dataclass(frozen=True)
class StageState:
    """What passes from one stage to the next, beside the weights in `RunArtifacts.model`."""

    part: Part
    """Whose frames and clips are learned from."""
    tower: str = "untrained"
    """Names the vision tower as it is now: the last vision stage. Features are kept by it."""
    heads: dict | None = None
    """Weights of the auxiliary heads after the last dialogue stage: fresh ones would push a trained model about."""

    def entering(self, config: TrainConfig, index: int) -> "StageState":
        """At the beginning of stage `index`."""
        stage = config.stages[index]
        return replace(self, part=config.part(index), tower=stage.name if stage.kind == "vision" else self.tower)


class RunArtifacts:
    """Made once; rendered and computed once. Only the weights of the model change."""

    def __init__(self, config: TrainConfig, run: Path):
        self.config, self.run = config, run
        self.limits = (config.min_pixels, config.max_pixels)
        self.tokenizer, self.model = self._start()
        self.family = Qwen25VL(self.model.config, min_pixels=config.min_pixels, max_pixels=config.max_pixels)
        self.wire = self.family.wire(self.tokenizer)

    def _start(self):
        if self.config.init:
            started = load_model(self.config.init, quantize="none", device="cpu")
            return started.wire.tokenizer, started.model
        folder = self.run / "tokenizer"
        if not folder.exists():
            tiny.train_tokenizer(corpus(self.config.seed), self.config.vocab).save_pretrained(folder)
        tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
        return tokenizer, tiny.tiny_model(tokenizer, self.config.seed, **self.config.model)

    def _folder(self, part: int) -> Path:
        """Where the frames of a part are."""
        return self.run / f"part_{part}" if part else self.run

    def _delete_before(self, part: int) -> None:
        """Frames, clips and features of earlier parts."""
        for number in range(part):
            earlier = self._folder(number)
            for path in (*earlier.glob("stills*.pkl"), *earlier.glob("clips_*"), earlier / "frames"):
                path.unlink() if path.is_file() else shutil.rmtree(path, ignore_errors=True)

    def rendered_stills(self, accelerator: Accelerator, part: Part) -> list[FrameSet]:
        """Rendered by the main process, read by all; none of an earlier part are left then."""
        path = self._folder(part.number) / "stills.pkl"
        if accelerator.is_main_process and not path.exists():
            self._delete_before(part.number)
            path.parent.mkdir(exist_ok=True)
            with PreparationProgress("stills rendered", sum(part.stills.values())) as progress:
                groups = stills.render_stills(part.stills, part.seed, self.limits, self.config.workers, progress)
            write_bytes(path, pickle.dumps(groups, protocol=5))
        accelerator.wait_for_everyone()
        # A cache of this run alone: it names classes by module, so another version of the source cannot read it.
        return pickle.loads(path.read_bytes())

    def stills_with_features(self, accelerator: Accelerator, state: StageState) -> list[FrameSet]:
        """Stills with features of the vision tower as it is now; the frames themselves are dropped."""
        folder = self._folder(state.part.number)
        path = folder / f"stills_{state.tower}.pkl"
        if not path.exists():
            groups = self.rendered_stills(accelerator, state.part)
            if accelerator.is_main_process:
                for group in groups:
                    group.features = stills.features(self.model.model.visual, group.frames)
                    group.frames = group.frames[:1]
                for other in folder.glob("stills_*.pkl"):
                    other.unlink()  # of a tower that has been trained on
                write_bytes(path, pickle.dumps(groups, protocol=5))
            accelerator.wait_for_everyone()
        # A cache of this run alone: it names classes by module, so another version of the source cannot read it.
        return pickle.loads(path.read_bytes())

    def clip_features(self, accelerator: Accelerator, state: StageState) -> tuple[list[ClipSpec], Path]:
        """Every training clip, and the folder of their features, of the vision tower as it is now."""
        part, workers = state.part, self.config.workers
        specs = clips.clip_specs(part.clips, _CLIP_SEEDS + part.first_clip, part.two_fps)
        folder = self._folder(part.number)
        frames, features = folder / "frames", folder / f"clips_{state.tower}"
        if accelerator.is_main_process:
            for other in {*folder.glob("clips_*")} - {features}:
                shutil.rmtree(other)  # of a tower that has been trained on; gigabytes
            self.model.cpu()
            for title, work in (
                ("clips rendered", clips.render(specs, frames, self.limits, workers)),
                ("clips encoded", clips.encode(self.model.model.visual, specs, frames, features, workers)),
            ):
                with PreparationProgress(title, len(specs)) as progress:
                    for done in work:
                        progress(done)
            self.model.to(accelerator.device)
        accelerator.wait_for_everyone()
        return specs, features

    def save(self, folder: Path) -> None:
        """The model folder, in the layout that `load_model` reads."""
        about = {
            "protocol": 1,
            "name": self.config.name,
            "system_prompt": SYSTEM_PROMPT,
            "fps": 1,
            "min_pixels": self.config.min_pixels,
            "max_pixels": self.config.max_pixels,
            "window": self.config.window,
            "response_bias": self.config.response_bias,
        }
        save_pretrained(self.model, self.tokenizer, folder, about)
        self.config.save(folder / "training.yaml")  # what made these weights, beside them
