"""Throw-away tokenizer and tiny random models of the real classes, for every test that needs a model.

No fakes: `tokenizer()` is a byte-level BPE like the real ones, `model()` is a Qwen2_5_VLForConditionalGeneration with few and small layers.
"""

from functools import cache

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

SPECIALS = [
    "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>",
    "</Silence>", "</Standby>", "</Response>",
]  # fmt: skip
PLAIN_ADDED = ["<tool_call>", "</tool_call>"]
"""Added but not special, as Qwen's own tokenizer has them."""

CORPUS = [
    "system\nYou watch a live video, one second per turn.", "user\n<0s-1s>\n", "assistant\n", "Notify me when the light turns green.",
    "What is being added to the bowl?", "The man adds salt to the soup and stirs it slowly.", *(f"<{i}s-{i + 1}s>\n" for i in range(0, 4000, 7)),
]  # fmt: skip


@cache
def _trained() -> str:
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=600, special_tokens=SPECIALS, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    bpe.train_from_iterator(CORPUS * 4, trainer)
    return bpe.to_str()


def tokenizer(without: tuple[str, ...] = ()) -> PreTrainedTokenizerFast:
    """A fresh tokenizer each call; `without` leaves out special tokens (as an ordinary checkpoint has no state tokens)."""
    bpe = Tokenizer.from_str(_trained())
    if without:
        bpe = Tokenizer(models.BPE())
        bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        bpe.decoder = decoders.ByteLevel()
        kept = [token for token in SPECIALS if token not in without]
        bpe.train_from_iterator(
            CORPUS,
            trainers.BpeTrainer(
                vocab_size=600, special_tokens=kept, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
            ),
        )
    fast = PreTrainedTokenizerFast(tokenizer_object=bpe, eos_token="<|im_end|>", pad_token="<|endoftext|>")
    fast.add_tokens(PLAIN_ADDED)
    return fast
