"""One run: a variant trained from the common start on one data order, measured at its budgets on its own past. A JSON
file per budget."""

import copy
import json
import os
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import torch

from finetune.ablation.material import AblationMaterial, Video, save, without_standby
from finetune.ablation.measures import measures
from finetune.ablation.plan import Plan, Variant
from finetune.ablation.training import WARMUP, train
from finetune.build import Dialogue
from finetune.data.batch import Sample, collate
from finetune.evaluation.jobs import StreamedRecord
from finetune.evaluation.rollout import Decision, roll_out
from finetune.labels import IGNORED
from finetune.metrics import Track, score
from finetune.model import vision
from finetune.model.precision import native_bf16
from streamo_app.files import write_json
from streamo_app.models.interface import ModelInfo, Step
from streamo_app.models.lane import TransformersLane
from streamo_app.models.qwen2_5_vl import Features
from streamo_app.models.streaming import TransformersModel
from streamo_app.protocol import STATES

EVALUATION_UNITS = 20
"""About as many steps as streaming the test clips once takes; for the time that is left."""

LONGEST_REPLY = 16
"""Tokens; the longest answer of the tasks has 11."""

Tick = Callable[[int], None]


@dataclass(frozen=True)
class Task:
    """What one process does at a time."""

    variant: Variant
    seed: int

    def path(self, results: Path, budget: int) -> Path:
        return results / f"{self.variant.name}-{self.seed}-{budget}.json"

    def missing(self, results: Path) -> list[int]:
        """Budgets without a result."""
        return [budget for budget in self.variant.budgets if not self.path(results, budget).exists()]

    def units(self, results: Path) -> int:
        """Work that is left, in steps."""
        left = self.missing(results)
        return max(left, default=0) + len(left) * EVALUATION_UNITS * (2 if self.variant.biased else 1)


def warm_up(material: AblationMaterial, tick: Tick) -> dict:
    """The common start {"model", "heads"}, from the run's folder or trained now; a kill costs the steps since the last
    checkpoint."""
    path, kept = material.folder / "warm.pt", material.folder / "warming.pt"
    if path.exists():
        return torch.load(path)
    steps = 0
    for trained, done in train(material, material.plan.warmup, WARMUP, material.plan.seed, kept=kept):
        tick(done.steps - steps)
        steps, module = done.steps, trained
    start = {"model": module.model.state_dict(), "heads": module.heads.state_dict()}
    write_json(
        material.folder / "warm.json",
        {"cpu_s": round(done.cpu_s, 1), "tokens": done.tokens, "loss": round(done.loss, 4)},
    )
    save(path, start)
    kept.unlink(missing_ok=True)
    return start


class VariantRunner:
    """Does tasks in one process; the common start must be there."""

    def __init__(self, plan: Plan, folder: Path):
        self.material, self.results = AblationMaterial(plan, folder), folder / "results"
        self.start = torch.load(folder / "warm.pt")
        self.test, self.validation = self.material.videos("test"), self.material.videos("val")

    def run(self, task: Task, tick: Tick) -> list[dict]:
        """Trains up to the largest budget that has no result yet and writes each missing one. Returns the new
        results."""
        missing, stage = task.missing(self.results), self.material.plan.run
        measured, new = 0.0, []
        for module, done in train(self.material, stage, task.variant, 1000 + task.seed, self.start):
            tick(1)
            if done.steps not in missing:
                continue
            before = time.process_time()
            found = self._measure(task.variant, module, tick)
            measured += time.process_time() - before
            result = {
                "variant": task.variant.name,
                "seed": task.seed,
                "budget": done.steps,
                "tokens": done.tokens,
                "states": done.states,
                **found,
                "cpu_s": {"to_here": round(done.cpu_s + measured, 1), "measuring": round(measured, 1)},
            }
            write_json(task.path(self.results, done.steps), result)
            new.append(result)
            if done.steps == missing[-1]:
                break
        return new

    def _measure(self, variant: Variant, module, tick: Tick) -> dict:
        model = as_streamed(self.material, module.model)
        found: dict = {"plain": measures(own_past(model, self.test, 0.0, variant.states))}
        tick(EVALUATION_UNITS)
        if variant.biased:
            bias = best_bias(
                *state_logits(self.material, module.model, self.validation, variant.states), self.material.plan.biases
            )
            found |= {
                "bias": bias,
                "biased": found["plain"] if bias == 0 else measures(own_past(model, self.test, bias, variant.states)),
            }
            tick(EVALUATION_UNITS)
        return found


class Brief(TransformersModel):
    """Cuts replies after LONGEST_REPLY tokens: a model that answers at every second in endless words would cost more
    than its training."""

    def turn(
        self,
        lane: TransformersLane,
        second: int,
        features: Features,
        instructions: Sequence[str] = (),
        talkativeness: float = 0.0,
    ) -> Generator[Step, None, None]:
        yield from islice(super().turn(lane, second, features, instructions, talkativeness), 1 + LONGEST_REPLY)


def as_streamed(material: AblationMaterial, model) -> TransformersModel:
    """A copy of the model, float32, as the app would run it but for `Brief`."""
    info = ModelInfo("ablation", 1, material.window, 0.0, "cpu", "none")
    return Brief(copy.deepcopy(model), material.wire, material.family, info)


def own_past(model: TransformersModel, videos: list[Video], bias: float, states: int = 3) -> list[Track]:
    """A track per record, each a lane forked at its question, streamed with `bias` on the response."""
    tracks = []
    for video in videos:
        asks = [
            {turn.second: turn.instructions for turn in dialogue.turns if turn.instructions}
            for dialogue in video.dialogues
        ]
        for dialogue, said in zip(video.dialogues, roll_out(model, video.turns, asks, (bias,)), strict=True):
            tracks.append(_track(dialogue, said, states))
    return tracks


def own_tracks(videos: list[Video]) -> list[Track]:
    """The gold as its own prediction: for players that never look."""
    said = [
        [Decision(turn.state, turn.text, (0.0, 0.0, 0.0)) for turn in dialogue.turns]
        for video in videos
        for dialogue in video.dialogues
    ]
    return [
        _track(dialogue, one, 3)
        for dialogue, one in zip((d for video in videos for d in video.dialogues), said, strict=True)
    ]


def _track(dialogue: Dialogue, said: list[Decision], states: int) -> Track:
    return StreamedRecord(0, dialogue if states == 3 else without_standby(dialogue), said).track


@torch.no_grad()
def state_logits(
    material: AblationMaterial, model, videos: list[Video], states: int = 3
) -> tuple[list[Dialogue], list[np.ndarray]]:
    """Of the dialogues of all videos, on their gold past, in one forward pass each video: (turns, 3) logits of the
    states."""
    wanted = list(material.wire.state_ids)
    dialogues, found = [], []
    for video, samples in zip(videos, material.validation_samples(videos, states), strict=True):
        dialogues += [dialogue if states == 3 else without_standby(dialogue) for dialogue in video.dialogues]
        hidden = _hidden(material, model, samples) if samples else ()
        for sample, states_of in zip(samples, hidden, strict=True):
            at = [place - 1 for place, label in enumerate(sample.labels) if label != IGNORED and label in wanted]
            found.append((states_of[at].float() @ model.lm_head.weight[wanted].float().T).numpy())
    return dialogues, found


def _hidden(material: AblationMaterial, model, samples: list[Sample]) -> torch.Tensor:
    batch = collate(samples, material.tokenizer.pad_token_id, material.family)
    language = model.model.language_model
    with torch.autocast("cpu", torch.bfloat16, enabled=native_bf16()):
        embeds = language.embed_tokens(batch.ids)
        image = batch.ids == model.config.image_token_id
        embeds = embeds.masked_scatter(
            image[..., None], vision.merge(model.model.visual, batch.features).to(embeds.dtype)
        )
        return language(inputs_embeds=embeds, position_ids=batch.positions, use_cache=False).last_hidden_state


def best_bias(dialogues: list[Dialogue], logits: list[np.ndarray], tried: tuple[float, float, float]) -> float:
    """The bias of the response with the highest timing F1 (mean over tasks) on the gold past; of equal ones the nearest
    to 0."""
    low, high, step = tried
    biases = [float(bias) for bias in np.round(np.arange(low, high + step / 2, step), 6)]
    scores = {}
    for bias in biases:
        tracks = []
        for dialogue, values in zip(dialogues, logits, strict=True):
            chosen = (values + np.array([0.0, 0.0, bias])).argmax(1)
            tracks.append(_track(dialogue, [Decision(STATES[state], "", (0.0, 0.0, 0.0)) for state in chosen], 3))
        scores[bias] = score(tracks)["macro"].get("f1")
    known = {bias: value for bias, value in scores.items() if value is not None}
    return max(known, key=lambda bias: (known[bias], -abs(bias)), default=0.0)


def load_results(folder: Path, tasks: list[Task]) -> list[dict]:
    """Finished results of these tasks, in their order."""
    paths = [task.path(folder / "results", budget) for task in tasks for budget in task.variant.budgets]
    return [json.loads(path.read_text()) for path in paths if path.exists()]


# In a process of the pool: its runner, made once.
_runner: list[VariantRunner] = []
_ticks: list = []


def start_process(plan: Plan, folder: Path, ticks) -> None:
    import cv2

    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    os.environ["OMP_NUM_THREADS"] = "1"
    _ticks.append(ticks)
    _runner.append(VariantRunner(plan, folder))


def run_in_process(task: Task) -> list[dict]:
    return _runner[0].run(task, _ticks[0].put)
