"""From a folder or hub id to a streaming model, and from a trained model to a folder.

Everything is loaded by class: the model, the fast tokenizer as its `tokenizer.json` stands, and the PIL image processor
(AutoProcessor needs torchvision, whose resize gives other pixels). What can be wrong with a folder is found before its
weights are read, and said in one sentence.
"""

import copy
import json
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import torch
from huggingface_hub import snapshot_download
from transformers import AutoConfig, BitsAndBytesConfig, PreTrainedTokenizerFast
from transformers.utils import logging as library_logging

from streamo_app.files import assets_dir
from streamo_app.models.interface import ModelInfo
from streamo_app.models.qwen2_5_vl import Qwen25VL
from streamo_app.models.settings import Settings
from streamo_app.models.streaming import TransformersModel

BUILT_IN = "streamo-tiny"
BUILT_IN_FOLDER = assets_dir() / BUILT_IN
FAMILIES = {family.model_type: family for family in (Qwen25VL,)}
QUANTIZE = ("4bit", "8bit", "none")
QUANTIZE_FROM_BYTES = 1_000_000_000
"""Weights smaller than this are not quantised by default: 4 bits would save nothing that matters and cost quality."""
SHARD_BYTES = 9_500_000
HUB_FILES = ["*.json", "*.safetensors", "*.txt", "*.jinja"]


def load_model(
    name: str = BUILT_IN,
    *,
    quantize: str | None = None,
    device: str | None = None,
    dtype: torch.dtype | None = None,
    window: int | None = None,
    on_stage: Callable[[str], None] = lambda stage: None,
) -> TransformersModel:
    """A checkpoint ready to stream.

    name: "streamo-tiny", a folder, or a hub id ("owner/name"). quantize: "4bit", "8bit" or "none"; None is "4bit" on
    CUDA for weights above 1 GB, else "none". device: None is CUDA where there is one. dtype: None is bfloat16 on CUDA
    and float32 elsewhere (bfloat16 is several times slower on most CPUs). window: seconds a lane keeps, None is the
    checkpoint's own. on_stage: called with a description of each stage. Raises ValueError in one sentence.
    """
    if quantize not in (None, *QUANTIZE):
        raise ValueError(f"quantize is {quantize!r}; it must be one of {', '.join(QUANTIZE)}.")
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise ValueError("There is no CUDA device here that torch can use; leave the device out to run on the CPU.")
    on_cuda = device.startswith("cuda")
    dtype = dtype or (torch.bfloat16 if on_cuda else torch.float32)
    on_stage("Looking for it")
    folder = find_folder(name, on_stage)
    on_stage("Reading its settings and tokenizer")
    settings = Settings.read(folder)
    if window is not None:
        settings = replace(settings, window=window)
    config, family_class = _read_config(folder)
    family = family_class(config, min_pixels=settings.min_pixels, max_pixels=settings.max_pixels)
    wire = family.wire(_read_tokenizer(folder), settings.system_prompt)
    size = sum(path.stat().st_size for path in folder.glob("*.safetensors"))
    if quantize is None:
        quantize = "4bit" if on_cuda and size >= QUANTIZE_FROM_BYTES else "none"
    on_stage(f"Reading {size / 1e6:,.0f} MB of weights" + ("" if quantize == "none" else f" as {quantize}"))
    model = _read_weights(folder, family, config, quantize, device, dtype)
    info = ModelInfo(settings.name, settings.fps, settings.window, settings.response_bias, device, quantize)
    return TransformersModel(model, wire, family, info)


def save_pretrained(model, tokenizer, folder: str | Path, settings: Settings | Mapping) -> None:
    """Write a folder that `load_model` reads: bfloat16 weights in files of at most 9.5 MB, tokenizer, image processor,
    `streamo.json`.

    settings: a Settings or the contents of `streamo.json`. `model` itself is not changed. Raises ValueError when the
    tokenizer does not fit.
    """
    folder = Path(folder)
    settings = settings if isinstance(settings, Settings) else Settings.from_dict(settings)
    family = FAMILIES[model.config.model_type](
        model.config, min_pixels=settings.min_pixels, max_pixels=settings.max_pixels
    )
    family.wire(tokenizer, settings.system_prompt)
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.safetensors*"):
        old.unlink()  # another number of files would leave strangers beside them
    small = model if model.dtype is torch.bfloat16 else copy.deepcopy(model).to(torch.bfloat16)
    with _quiet():
        small.save_pretrained(folder, max_shard_size=SHARD_BYTES)
    tokenizer.save_pretrained(folder)
    family.image_processor.save_pretrained(folder)
    settings.write(folder)


def find_folder(name: str, on_stage: Callable[[str], None] = lambda stage: None) -> Path:
    """The local folder of a model name, downloaded first when it is a hub id. Raises ValueError."""
    if name == BUILT_IN:
        if not BUILT_IN_FOLDER.is_dir():
            raise ValueError(f"The built-in model is not at {BUILT_IN_FOLDER}; get a complete copy of Streamo.")
        return BUILT_IN_FOLDER
    folder = Path(name).expanduser()
    if folder.is_dir():
        return folder.resolve()
    if folder.is_absolute() or name.count("/") != 1 or name.startswith((".", "~")):
        raise ValueError(f"There is no model folder {name!r}; give a folder, a hub id (owner/name), or {BUILT_IN}.")
    on_stage("Fetching it from the hub")
    try:
        return Path(snapshot_download(name, allow_patterns=HUB_FILES))
    except Exception as problem:  # the hub client raises many kinds: network, permission, name, disk
        raise ValueError(
            f"{name!r} is not a folder here and could not be fetched from the hub: {_first_line(problem)}."
        ) from problem


def _read_config(folder: Path):
    if not (folder / "config.json").exists():
        raise ValueError(f"{folder} holds no config.json; give a folder that transformers' save_pretrained wrote.")
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        if not isinstance(config, dict):
            raise ValueError("one JSON object is wanted")
        kind = config.get("model_type")
    except (OSError, ValueError) as problem:
        raise ValueError(f"{folder / 'config.json'} cannot be read: {_first_line(problem)}.") from None
    if kind not in FAMILIES:
        names = ", ".join(f"{key} ({family.model_class.__name__})" for key, family in FAMILIES.items())
        raise ValueError(f"{folder} holds a model of type {kind!r}; supported are {names}.")
    return AutoConfig.from_pretrained(folder), FAMILIES[kind]


def _read_tokenizer(folder: Path) -> PreTrainedTokenizerFast:
    # By this class, not AutoTokenizer: the latter may rebuild a tokenizer of the family's own from parts instead of
    # taking the file as it is.
    if not (folder / "tokenizer.json").exists():
        raise ValueError(f"{folder} holds no tokenizer.json; save the tokenizer into it with its save_pretrained.")
    try:
        return PreTrainedTokenizerFast.from_pretrained(folder)
    except Exception as problem:  # the Rust reader raises a bare Exception on a broken file
        raise ValueError(f"{folder / 'tokenizer.json'} cannot be read: {_first_line(problem)}.") from problem


def _read_weights(folder: Path, family, config, quantize: str, device: str, dtype: torch.dtype):
    if not any(folder.glob("*.safetensors")):
        raise ValueError(f"{folder} holds no .safetensors file; the weights are missing.")
    try:
        with _quiet():
            model, report = family.model_class.from_pretrained(
                folder,
                config=config,
                dtype=dtype,
                device_map={"": device},
                quantization_config=quantization(quantize, family, dtype),
                output_loading_info=True,
            )
    except ImportError as problem:
        raise ValueError(
            f"--quantize {quantize} needs bitsandbytes: pip install bitsandbytes ({_first_line(problem)})."
        ) from problem
    except Exception as problem:  # unreadable, cut short, or of other shapes than the configuration says
        raise ValueError(f"The weights in {folder} cannot be read: {_first_line(problem)}.") from problem
    if missing := sorted(report["missing_keys"]):
        raise ValueError(
            f"The weights in {folder} lack {len(missing)} tensors that config.json asks for, the first is {missing[0]}."
        )
    return model.eval()


def quantization(quantize: str, family, dtype: torch.dtype) -> BitsAndBytesConfig | None:
    """bitsandbytes' settings. Naming what to leave alone drops the library's own list, so the lm_head must be in ours;
    and names are matched from their start, so the vision tower needs its full one."""
    skip = ["lm_head", family.vision_module]
    if quantize == "8bit":  # it warns of every layer of every forward that it casts what it was built to cast
        logging.getLogger("bitsandbytes.autograd._functions").setLevel(logging.ERROR)
    if quantize == "4bit":
        return BitsAndBytesConfig(
            load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=dtype, llm_int8_skip_modules=skip
        )
    return BitsAndBytesConfig(load_in_8bit=True, llm_int8_skip_modules=skip) if quantize == "8bit" else None


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the library's progress bars and reports: what matters in them is raised, and stderr belongs to the
    command line."""
    level = library_logging.get_verbosity()
    library_logging.set_verbosity_error()
    bars = library_logging.is_progress_bar_enabled()
    library_logging.disable_progress_bar()
    try:
        yield
    finally:
        library_logging.set_verbosity(level)
        if bars:
            library_logging.enable_progress_bar()


def _first_line(problem: BaseException) -> str:
    lines = str(problem).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(problem).__name__
