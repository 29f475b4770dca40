"""Spoken instructions to text: one recogniser for the process, downloaded and loaded when it is first needed.

Not the microphone (the browser's, or `audio/microphone.py`), and not speech synthesis: a browser does that by itself.

    speech = Speech("openai/whisper-tiny")
    spoken = speech.hear(recording)      # bytes of a browser's recording, or (samples,) float32 at 16 kHz
    spoken.progress                      # SpeechSpeechProgress("waiting" | "loading" | ... | "failed", words)

Thread safety: `hear` may be called from any thread. One daemon thread owns the recogniser; `Spoken.progress` is an
immutable value that it replaces.
"""

import logging
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from streamo_app.audio.decode import check_spoken, decode
from streamo_app.config import SPEECH_MODEL
from streamo_app.protocol import INSTRUCTION_CHARS

RATE_HZ = 16_000
QUEUE = 4
"""Most recordings that wait at one time; each takes seconds."""
HUB_FILES = ["*.json", "*.safetensors", "*.txt"]
UNEXPECTED = "The recording could not be transcribed; type instead, and check the server log if it happens again."

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SpeechProgress:
    state: str
    """waiting | loading | hearing | heard | failed"""
    words: str = ""
    """What was recognised, or one sentence for the user: what is happening, or what went wrong."""
    since: float = field(default_factory=time.monotonic, compare=False)


class Spoken:
    """One recording while it is being transcribed."""

    def __init__(self, sound: bytes | np.ndarray):
        self.sound = sound
        self.progress = SpeechProgress("waiting")
        self.over = threading.Event()

    def finish(self, progress: SpeechProgress) -> None:
        self.progress, self.sound = progress, b""
        self.over.set()


class Speech:
    """`load(model)` returns the recogniser, a function from samples at RATE_HZ to text; it raises ValueError (one
    sentence)."""

    def __init__(self, model: str = SPEECH_MODEL, load: Callable[[str], Callable[[np.ndarray], str]] | None = None):
        self.model = model
        self._load = load or load_recogniser
        self._recognise: Callable[[np.ndarray], str] | None = None
        self._waiting: queue.Queue[Spoken] = queue.Queue(QUEUE)
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def hear(self, sound: bytes | np.ndarray) -> Spoken:
        """Returns at once. Raises ValueError (one sentence) when too many recordings are waiting."""
        spoken = Spoken(sound)
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._listen, name="speech", daemon=True)
                self._thread.start()
        try:
            self._waiting.put_nowait(spoken)
        except queue.Full:
            raise ValueError("Too many people are speaking at once; try again in a few seconds, or type.") from None
        return spoken

    def _listen(self) -> None:
        while True:
            spoken = self._waiting.get()
            try:
                spoken.finish(SpeechProgress("heard", self._understand(spoken)))
            except ValueError as problem:
                spoken.finish(SpeechProgress("failed", str(problem)))
            except Exception:
                log.exception("a recording could not be transcribed")
                spoken.finish(SpeechProgress("failed", UNEXPECTED))

    def _understand(self, spoken: Spoken) -> str:
        # A bad recording is reported before anything is downloaded for it.
        samples = spoken.sound if isinstance(spoken.sound, np.ndarray) else decode(spoken.sound, RATE_HZ)
        check_spoken(samples, RATE_HZ)
        if self._recognise is None:
            spoken.progress = SpeechProgress("loading", loading_words(self.model))
            self._recognise = self._load(self.model)
        spoken.progress = SpeechProgress("hearing", "Transcribing.")
        words = " ".join(self._recognise(samples).split())[:INSTRUCTION_CHARS]
        if not words:
            raise ValueError("No words were recognised; speak again, closer to the microphone, or type.")
        return words


def loading_words(model: str) -> str:
    if Path(model).expanduser().is_dir():
        return "The speech model is loading; only the first time takes this long."
    return f"The speech model {model} is being downloaded and loaded; only the first time takes this long."


def load_recogniser(model: str) -> Callable[[np.ndarray], str]:
    """The speech recognition of transformers, from a folder or hub id. Raises ValueError (one sentence, both for the
    user and for whoever runs the page)."""
    folder = find_folder(model)
    import torch
    from transformers import pipeline
    from transformers.utils import logging as library_logging

    library_logging.disable_progress_bar()
    try:
        recogniser = pipeline(
            "automatic-speech-recognition", model=str(folder), device=0 if torch.cuda.is_available() else -1
        )
        rate = recogniser.feature_extractor.sampling_rate
    except Exception as problem:  # unreadable, truncated, or another kind of model: transformers raises many kinds
        log.warning("the speech model %s cannot be loaded", folder, exc_info=True)
        raise ValueError(
            f"The speech model {model} cannot be loaded ({first_line(problem)}); "
            "type instead. --speech chooses another one."
        ) from problem
    if rate != RATE_HZ:
        raise ValueError(
            f"The speech model {model} expects {rate} Hz audio, not {RATE_HZ}; type instead. "
            "--speech chooses another one."
        )
    return lambda samples: recogniser({"raw": samples, "sampling_rate": RATE_HZ})["text"]


def find_folder(model: str) -> Path:
    """The folder of a speech model, downloaded first if it is a hub id that is not here yet. Raises ValueError."""
    folder = Path(model).expanduser()
    if folder.is_dir():
        return folder.resolve()
    if folder.is_absolute() or model.count("/") != 1 or model.startswith((".", "~")):
        raise ValueError(
            f"There is no speech model {model!r} here; type instead. --speech takes a folder or a hub id (owner/name)."
        )
    from huggingface_hub import snapshot_download

    try:  # without a network it takes what was downloaded before
        return Path(snapshot_download(model, allow_patterns=HUB_FILES))
    except Exception as problem:  # the hub client raises many kinds: network, permission, name, disk
        log.warning("the speech model %s cannot be downloaded: %s", model, first_line(problem))
        raise ValueError(
            f"The speech model {model} is not on the machine that runs Streamo and could not be downloaded from "
            "huggingface.co; type instead. Once that machine is online, try again; "
            "--speech FOLDER takes one that is there already."
        ) from problem


def first_line(problem: Exception) -> str:
    lines = str(problem).strip().splitlines()
    return lines[0][:200].rstrip(".") if lines else type(problem).__name__
