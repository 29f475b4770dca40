"""The built-in model before it has learned anything: a byte-level tokenizer and a small Qwen2.5-VL of the real class.

The tokenizer is trained on what the model will read and say (instructions, answers, tags); any other text still has
ids, byte by byte. Sizes: `sizes.py`.
"""

from collections.abc import Iterable

import torch
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast, Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration

from finetune.model.sizes import ModelSizes
from streamo_app.protocol import IM_END, IM_START, STATE_TOKENS

VISION_START, VISION_END, IMAGE, VIDEO = "<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>"
SPECIAL_TOKENS = (
    "<|endoftext|>",
    IM_START,
    IM_END,
    VISION_START,
    VISION_END,
    "<|vision_pad|>",
    IMAGE,
    VIDEO,
    *STATE_TOKENS,
)
PATCH_PX, MERGE = 14, 2
TOKEN_PX = PATCH_PX * MERGE

# Digits stay single, so that a clock of any length is read digit by digit; a word takes its line break along ("user\n"
# is one token).
_SPLIT = Regex(r"\p{N}| ?\p{L}+(?:-|>)?\n?| ?[^\s\p{L}\p{N}]+\n?|\s+")


def train_tokenizer(corpus: Iterable[str], vocab_size: int = 2048) -> PreTrainedTokenizerFast:
    """Byte-level BPE over `corpus`; at most `vocab_size` ids, the special tokens included."""
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(_SPLIT, "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        min_frequency=3,
        show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=[AddedToken(token, special=True, normalized=False) for token in SPECIAL_TOKENS],
    )
    bpe.train_from_iterator(corpus, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=bpe, eos_token=IM_END, pad_token="<|endoftext|>", clean_up_tokenization_spaces=False
    )


def tiny_config(tokenizer: PreTrainedTokenizerFast, sizes: ModelSizes) -> Qwen2_5_VLConfig:
    """Configuration of the built-in model."""
    to_id = tokenizer.convert_tokens_to_ids
    half = (
        sizes.hidden // sizes.heads // 2
    )  # rotary pairs of a head; a quarter for time, the rest shared by rows and columns
    sections = [half // 4, (half - half // 4) // 2, half - half // 4 - (half - half // 4) // 2]
    text = dict(
        model_type="qwen2_5_vl_text",
        vocab_size=len(tokenizer),
        hidden_size=sizes.hidden,
        num_hidden_layers=sizes.layers,
        num_attention_heads=sizes.heads,
        num_key_value_heads=sizes.kv_heads,
        intermediate_size=sizes.mlp,
        max_position_embeddings=32768,
        rope_parameters=dict(rope_type="default", rope_theta=10000.0, mrope_section=sections),
        bos_token_id=None,
        eos_token_id=to_id(IM_END),
        pad_token_id=to_id("<|endoftext|>"),
        use_sliding_window=False,
    )
    vision = dict(
        depth=sizes.vision_layers,
        hidden_size=sizes.vision_hidden,
        intermediate_size=sizes.vision_mlp,
        num_heads=4,
        patch_size=PATCH_PX,
        spatial_merge_size=MERGE,
        temporal_patch_size=2,
        # Wider than any of our frames: every block sees the whole frame, as one window.
        window_size=PATCH_PX * MERGE * 16,
        out_hidden_size=sizes.hidden,
        fullatt_block_indexes=list(range(sizes.vision_layers)),
        hidden_act="silu",
    )
    return Qwen2_5_VLConfig(
        text_config=text,
        vision_config=vision,
        image_token_id=to_id(IMAGE),
        video_token_id=to_id(VIDEO),
        vision_start_token_id=to_id(VISION_START),
        vision_end_token_id=to_id(VISION_END),
        bos_token_id=None,
        eos_token_id=to_id(IM_END),
        pad_token_id=to_id("<|endoftext|>"),
        tie_word_embeddings=True,
    )


def tiny_model(tokenizer: PreTrainedTokenizerFast, seed: int = 0, **sizes: int) -> Qwen2_5_VLForConditionalGeneration:
    """A model with random weights, the same for the same seed; `sizes` as in `ModelSizes`."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Qwen2_5_VLForConditionalGeneration(tiny_config(tokenizer, ModelSizes(**sizes)))


def check_sections(model: Qwen2_5_VLForConditionalGeneration, sections: tuple[int, ...]) -> None:
    """Raises ValueError where the sections are not as many rotary pairs as a head has."""
    text = model.config.text_config
    pairs = text.hidden_size // text.num_attention_heads // 2
    if sum(sections) != pairs or min(sections) < 1:
        raise ValueError(
            f"sections {list(sections)} share out {sum(sections)} rotary pairs, "
            f"but a head of this model has {pairs}; give each at least 1."
        )


def set_sections(model: Qwen2_5_VLForConditionalGeneration, sections: tuple[int, ...]) -> None:
    """Gives the rotary pairs of every head to time, rows, columns, time, ... in turn (`mrope_section`), as many as each
    section says."""
    check_sections(model, sections)
    model.config.text_config.rope_parameters["mrope_section"] = list(sections)
    model.model.language_model.rotary_emb.mrope_section = list(sections)
