"""Spoken instructions to text: one recogniser for the process, fetched and loaded when somebody speaks for the first
time.

Not the microphone (the browser's, or `audio/microphone.py`), and not the other direction: a browser reads aloud by
itself.

    speech = Speech("openai/whisper-tiny")
    spoken = speech.hear(recording)      # bytes of a browser's recording, or (samples,) float32 at 16 kHz
    spoken.progress                      # Progress("waiting" | "loading" | "hearing" | "heard" | "failed", words)

Thread safety: `hear` may be called from anywhere. One daemon thread owns the recogniser; `Spoken.progress` is a value
that it replaces.
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
"""Recordings that wait at one time; each takes seconds."""
HUB_FILES = ["*.json", "*.safetensors", "*.txt"]
UNEXPECTED = "The recording could not be turned into words; type instead, and see the server's log if it happens again."

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Progress:
    state: str
    """waiting | loading | hearing | heard | failed"""
    words: str = ""
    """What was recognised, or one sentence for the user: what is going on, or what went wrong."""
    since: float = field(default_factory=time.monotonic, compare=False)


class Spoken:
    """One recording on its way to words."""

    def __init__(self, sound: bytes | np.ndarray):
        self.sound = sound
        self.progress = Progress("waiting")
        self.over = threading.Event()

    def finish(self, progress: Progress) -> None:
        self.progress, self.sound = progress, b""
        self.over.set()


class Speech:
    """`load(model)` gives the recogniser, a function from (samples at RATE_HZ) to text; raises ValueError in one
    sentence."""

    def __init__(self, model: str = SPEECH_MODEL, load: Callable[[str], Callable[[np.ndarray], str]] | None = None):
        self.model = model
        self._load = load or load_recogniser
        self._recognise: Callable[[np.ndarray], str] | None = None
        self._waiting: queue.Queue[Spoken | None] = queue.Queue(QUEUE)
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def hear(self, sound: bytes | np.ndarray) -> Spoken:
        """Returns at once. Raises ValueError (one sentence) when too many others wait."""
        spoken = Spoken(sound)
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._listen, name="speech", daemon=True)
                self._thread.start()
        try:
            self._waiting.put_nowait(spoken)
        except queue.Full:
            raise ValueError("Too many speak at once; try again in a few seconds, or type.") from None
        return spoken

    def _listen(self) -> None:
        while True:
            spoken = self._waiting.get()
            try:
                spoken.finish(Progress("heard", self._understand(spoken)))
            except ValueError as problem:
                spoken.finish(Progress("failed", str(problem)))
            except Exception:
                log.exception("a recording could not be turned into words")
                spoken.finish(Progress("failed", UNEXPECTED))

    def _understand(self, spoken: Spoken) -> str:
        # What is wrong with the recording is told before anything is fetched for it.
        samples = spoken.sound if isinstance(spoken.sound, np.ndarray) else decode(spoken.sound, RATE_HZ)
        check_spoken(samples, RATE_HZ)
        if self._recognise is None:
            spoken.progress = Progress("loading", loading_words(self.model))
            self._recognise = self._load(self.model)
        spoken.progress = Progress("hearing", "Turning it into words.")
        words = " ".join(self._recognise(samples).split())[:INSTRUCTION_CHARS]
        if not words:
            raise ValueError("No words were understood; speak again, closer to the microphone, or type.")
        return words


def loading_words(model: str) -> str:
    if Path(model).expanduser().is_dir():
        return "The speech model is being loaded, this first time."
    return f"The speech model {model} is being fetched and loaded; only the first time takes this long."


def load_recogniser(model: str) -> Callable[[np.ndarray], str]:
    """transformers' speech recognition on a folder or hub id. Raises ValueError in one sentence, for whoever speaks and
    whoever runs the page."""
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
    except Exception as problem:  # unreadable, cut short, or of another kind: transformers raises many kinds
        log.warning("the speech model %s cannot be loaded", folder, exc_info=True)
        raise ValueError(
            f"The speech model {model} cannot be loaded ({first_line(problem)}); type instead. --speech names another one."
        ) from problem
    if rate != RATE_HZ:
        raise ValueError(
            f"The speech model {model} listens at {rate} Hz, not {RATE_HZ}; type instead. --speech names another one."
        )
    return lambda samples: recogniser({"raw": samples, "sampling_rate": RATE_HZ})["text"]


def find_folder(model: str) -> Path:
    """The folder of a speech model, fetched first where it is a hub id that is not here yet. Raises ValueError."""
    folder = Path(model).expanduser()
    if folder.is_dir():
        return folder.resolve()
    if folder.is_absolute() or model.count("/") != 1 or model.startswith((".", "~")):
        raise ValueError(
            f"There is no speech model {model!r} here; type instead. --speech takes a folder or a hub id (owner/name)."
        )
    from huggingface_hub import snapshot_download

    try:  # without a network it takes what was fetched before
        return Path(snapshot_download(model, allow_patterns=HUB_FILES))
    except Exception as problem:  # the hub client raises many kinds: network, permission, name, disk
        log.warning("the speech model %s cannot be fetched: %s", model, first_line(problem))
        raise ValueError(
            f"The speech model {model} is not on the machine that runs Streamo and could not be fetched from huggingface.co; "
            "type instead. Once that machine is online, speak again; --speech FOLDER names one that is there already."
        ) from problem


def first_line(problem: Exception) -> str:
    lines = str(problem).strip().splitlines()
    return lines[0][:200].rstrip(".") if lines else type(problem).__name__
