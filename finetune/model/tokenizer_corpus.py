"""Text for the built-in model's tokenizer: what it will read and say, from training wordings and training clips
only."""

from collections.abc import Iterator

import numpy as np

from finetune.world import worlds
from streamo_app.protocol import SYSTEM_PROMPT, span_text, user_text

_TALK = "Please tell me what is on the table and who is in the room. A man walks in from the left and sits down."
"""Everyday words beyond the worlds', so that such an instruction costs words and not bytes."""


def corpus(seed: int, clips: int = 1200) -> Iterator[str]:
    """Texts in the proportions of use, the same for the same seed."""
    rng = np.random.default_rng([seed, 13])
    for i in range(clips):
        for name in worlds.NAMES:
            yield from _world(worlds.get(name), 2_000_000 + i, rng)
        second = int(rng.integers(0, 86_400))
        yield from (user_text(second), user_text(second % 120), f" {span_text(second % 90, second % 90 + 5)}")
        yield from ("user\n", "assistant\n", _TALK)
        if i % 10 == 0:
            yield f"system\n{SYSTEM_PROMPT}"


def _world(world: worlds.World, seed: int, rng: np.random.Generator) -> Iterator[str]:
    clip = world.make_clip(seed, 40)
    for task in world.tasks.TASKS:
        record = world.tasks.record(clip, task, rng, "train")
        if record is not None:
            yield from (f"{question.content}\n" for question in record.questions)
            yield from (f" {answer.content}" for answer in record.answers)
    shots = [shot for _ in range(4) for shot in world.loose(rng)][:8]
    dialogue, _ = world.practice.ask_each(shots, rng)
    for turn in dialogue.turns:
        yield from (f"{line}\n" for line in turn.instructions)
        yield f" {turn.text}"
