"""Throw-away tokenizer and tiny random models of the real classes, for every test that needs a model.

No fakes: `tokenizer()` is a byte-level BPE like the real ones, `model()` is a Qwen2_5_VLForConditionalGeneration with
few and small layers.
"""

from functools import cache

import numpy as np
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast, Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration

SPECIALS = [
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|image_pad|>",
    "<|video_pad|>",
    "</Silence>",
    "</Standby>",
    "</Response>",
]
PLAIN_ADDED = ["<tool_call>", "</tool_call>"]
"""Added but not special, as Qwen's own tokenizer has them."""

CORPUS = [
    "system\nYou watch a live video, one second per turn.",
    "user\n<0s-1s>\n",
    "assistant\n",
    "Notify me when the light turns green.",
    "What is being added to the bowl?",
    "The man adds salt to the soup and stirs it slowly.",
    *(f"<{i}s-{i + 1}s>\n" for i in range(0, 4000, 7)),
]


@cache
def _trained() -> str:
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=600,
        special_tokens=SPECIALS,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bpe.train_from_iterator(CORPUS * 4, trainer)
    return bpe.to_str()


def tokenizer(without: tuple[str, ...] = ()) -> PreTrainedTokenizerFast:
    """A new tokenizer each call; `without` leaves out special tokens (an ordinary checkpoint has no state tokens)."""
    bpe = Tokenizer.from_str(_trained())
    if without:
        bpe = Tokenizer(models.BPE())
        bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        bpe.decoder = decoders.ByteLevel()
        kept = [token for token in SPECIALS if token not in without]
        bpe.train_from_iterator(
            CORPUS,
            trainers.BpeTrainer(
                vocab_size=600,
                special_tokens=kept,
                initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
                show_progress=False,
            ),
        )
    fast = PreTrainedTokenizerFast(tokenizer_object=bpe, eos_token="<|im_end|>", pad_token="<|endoftext|>")
    fast.add_tokens(PLAIN_ADDED)
    return fast


def model(
    layers: int = 3, *, hidden: int = 64, heads: int = 4, kv: int = 2, seed: int = 0, vision_depth: int = 2, **text
):
    """A random Qwen2_5_VLForConditionalGeneration with the ids of `tokenizer()`, float32, in eval mode.

    Weights are larger than the default initialisation, which would make attention nearly uniform and every comparison
    easy.
    """
    ids = tokenizer().convert_tokens_to_ids
    half = hidden // heads // 2
    side = half * 3 // 8
    config = Qwen2_5_VLConfig(
        text_config=dict(
            vocab_size=608,
            hidden_size=hidden,
            intermediate_size=2 * hidden,
            num_hidden_layers=layers,
            num_attention_heads=heads,
            num_key_value_heads=kv,
            max_position_embeddings=text.pop("max_position_embeddings", 32768),
            bos_token_id=None,
            eos_token_id=ids("<|im_end|>"),
            pad_token_id=ids("<|endoftext|>"),
            rope_parameters=dict(rope_type="default", rope_theta=1e6, mrope_section=[half - 2 * side, side, side]),
            **text,
        ),
        vision_config=dict(
            depth=vision_depth,
            hidden_size=32,
            intermediate_size=64,
            num_heads=2,
            out_hidden_size=hidden,
            fullatt_block_indexes=[vision_depth - 1],
        ),
        image_token_id=ids("<|image_pad|>"),
        video_token_id=ids("<|video_pad|>"),
        vision_start_token_id=ids("<|vision_start|>"),
        vision_end_token_id=ids("<|vision_end|>"),
        tie_word_embeddings=True,
    )
    torch.manual_seed(seed)
    made = Qwen2_5_VLForConditionalGeneration(config).eval()
    for weight in made.parameters():
        if weight.ndim >= 2:
            torch.nn.init.normal_(weight, std=1.0 / weight[0].numel() ** 0.5)
    return made


def picture(seed: int, height: int = 56, width: int = 84) -> np.ndarray:
    """(height, width, 3) uint8 noise; the default size is 2 x 3 = 6 visual tokens."""
    return np.random.default_rng(seed).integers(0, 255, (height, width, 3), dtype=np.uint8)
