"""Text for the built-in model's tokenizer: what it will read and say, from training wordings and training clips only."""

from collections.abc import Iterator

import numpy as np

from finetune.world import practice, tasks
from finetune.world.scene import make_clip, make_still
from streamo_app.protocol import SYSTEM_PROMPT, span_text, user_text

_TALK = (
    "Please tell me what is on the table and who is in the room.",
    "A man walks in from the left and sits down. The lights go off. The lights come back on. The camera is covered.",
    "Someone comes in. Someone leaves. Something moves. A large red object appears. The view changed.",
)
"""Everyday words beyond the street, so that such an instruction costs words and not bytes."""


def corpus(seed: int, clips: int = 1500) -> Iterator[str]:
    """Texts in the proportions of use, the same for the same seed."""
    rng = np.random.default_rng([seed, 13])
    for i in range(clips):
        clip = make_clip(2_000_000 + i, 40)
        for task in tasks.TASKS:
            record = tasks.record(clip, task, rng, "train")
            if record is not None:
                yield from (f"{question.content}\n" for question in record.questions)
                yield from (f" {answer.content}" for answer in record.answers)
        shots = [(make_still(rng), 0.0) for _ in range(4)]
        dialogue, _ = practice.ask_each(shots, rng)
        for turn in dialogue.turns:
            yield from (f"{line}\n" for line in turn.instructions)
            yield f" {turn.text}"
        second = int(rng.integers(0, 86_400))
        yield from (user_text(second), user_text(second % 120), f" {span_text(second % 90, second % 90 + 5)}")
        yield from ("user\n", "assistant\n", *_TALK)
        if i % 10 == 0:
            yield f"system\n{SYSTEM_PROMPT}"
