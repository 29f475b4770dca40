"""A tiny random Whisper of the real classes in a folder that transformers' pipeline loads, and sounds to say to it. Not
tests."""

import io
from pathlib import Path

import av
import numpy as np
import torch
from tokenizers import pre_tokenizers
from transformers import WhisperConfig, WhisperFeatureExtractor, WhisperForConditionalGeneration, WhisperTokenizer

RATE_HZ = 16_000
LANGUAGES = ["<|en|>"]
CONTROLS = [
    "<|endoftext|>",
    "<|startoftranscript|>",
    *LANGUAGES,
    "<|translate|>",
    "<|transcribe|>",
    "<|startoflm|>",
    "<|startofprev|>",
    "<|nospeech|>",
    "<|notimestamps|>",
]


def write_whisper(folder: Path, length: int = 12, seed: int = 3) -> Path:
    """A folder with config, weights, feature extractor and tokenizer; its words are noise, the same each time."""
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = {letter: at for at, letter in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    tokenizer = WhisperTokenizer(vocab=vocabulary, merges=[])
    tokenizer.add_special_tokens({"additional_special_tokens": CONTROLS[1:]})
    ids = {token: tokenizer.convert_tokens_to_ids(token) for token in CONTROLS}
    start, end = ids["<|startoftranscript|>"], ids["<|endoftext|>"]
    config = WhisperConfig(
        vocab_size=len(tokenizer) + 1,
        d_model=32,
        encoder_layers=1,
        decoder_layers=1,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=64,
        decoder_ffn_dim=64,
        num_mel_bins=80,
        decoder_start_token_id=start,
        bos_token_id=end,
        eos_token_id=end,
        pad_token_id=end,
        max_target_positions=64,
        suppress_tokens=[],
        begin_suppress_tokens=[],
    )
    torch.manual_seed(seed)
    model = WhisperForConditionalGeneration(config).eval()
    for weight in model.parameters():
        if weight.ndim >= 2:
            torch.nn.init.normal_(weight, std=1.0 / weight[0].numel() ** 0.5)
    settings = model.generation_config
    settings.update(
        is_multilingual=True,
        lang_to_id={"<|en|>": ids["<|en|>"]},
        task_to_id={name: ids[f"<|{name}|>"] for name in ("translate", "transcribe")},
        no_timestamps_token_id=ids["<|notimestamps|>"],
        max_length=length + 4,
        decoder_start_token_id=start,
        eos_token_id=end,
        pad_token_id=end,
        # letters only: a random model would say control characters just as often
        suppress_tokens=[at for letter, at in vocabulary.items() if not (letter.isascii() and letter.isalpha())]
        + [at for token, at in ids.items()],
    )
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    WhisperFeatureExtractor(feature_size=80).save_pretrained(folder)
    return folder


def tone(seconds: float = 1.5, hertz: float = 440.0, loudness: float = 0.3) -> np.ndarray:
    """(samples,) float32 at RATE_HZ."""
    return (loudness * np.sin(2 * np.pi * hertz * np.arange(int(seconds * RATE_HZ)) / RATE_HZ)).astype(np.float32)


def recording(samples: np.ndarray, container: str = "webm", codec: str = "libopus", rate_hz: int = 48_000) -> bytes:
    """`samples` as a browser's MediaRecorder would send them."""
    whole = io.BytesIO()
    with av.open(whole, "w", format=container) as file:
        stream = file.add_stream(codec, rate=rate_hz, layout="mono")
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="flt", layout="mono")
        frame.sample_rate = RATE_HZ
        resampler = av.AudioResampler(
            format=stream.format, layout="mono", rate=rate_hz, frame_size=stream.frame_size or None
        )
        for piece in [*resampler.resample(frame), *resampler.resample(None)]:
            for packet in stream.encode(piece):
                file.mux(packet)
        for packet in stream.encode(None):
            file.mux(packet)
    return whole.getvalue()
