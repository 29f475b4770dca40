"""What the page is started with (`AppConfig`), from the command line; and the command line parser of every program.

Not the checkpoint's own settings: those lie beside its weights in `streamo.json`.

    python app.py --model streamo-tiny --port 7860
"""

import argparse
import ipaddress
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

BUILT_IN_MODEL = "streamo-tiny"
SPEECH_MODEL = "openai/whisper-tiny"
"""39 million weights, 150 MB, many languages; a spoken instruction of five seconds takes about a second of one core."""
QUANTIZE = ("4bit", "8bit", "none")
SPACE_RUN_MINUTES = 30
"""Spaces have few seats; limit each run so others get a turn."""
LOOPBACK, EVERYWHERE = "127.0.0.1", "0.0.0.0"


class Parser(argparse.ArgumentParser):
    """Raises ValueError with one sentence instead of printing usage and exiting: the caller decides what the user
    sees."""

    def error(self, message: str):
        raise ValueError(f"{message} (see {self.prog} --help)")


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address: "localhost", 127.x.x.x or ::1. Names are not looked up."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def data_dir(environ: Mapping[str, str]) -> Path:
    """The user's data folder, `$XDG_DATA_HOME/streamo`."""
    home = environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(home) / "streamo"


def default_journal_dir(environ: Mapping[str, str]) -> Path:
    """Where transcripts are kept."""
    return data_dir(environ) / "journals"


@dataclass(frozen=True)
class AppConfig:
    """How the page is served. Raises ValueError, one sentence naming the fields, when two of them clash."""

    model: str = BUILT_IN_MODEL
    """Folder, hub id, or the built-in model's name."""
    quantize: str | None = None
    """4bit | 8bit | none; None = 4bit on CUDA for weights above 1 GB, else none."""
    host: str = LOOPBACK
    """Address to listen on."""
    port: int = 7860
    """1 to 65535."""
    auth: tuple[str, str] | None = field(default=None, repr=False)
    """User name and password that the page asks for; kept out of logs."""
    share: bool = False
    """Also serve through a public Gradio link: then everybody who has the link counts as a stranger."""
    seats: int = 8
    """Sessions at the same time; each costs a KV cache per lane."""
    max_lanes: int = 8
    """Standing instructions of one session, 1 to 8."""
    journal_dir: Path | None = None
    """Folder of the transcripts' journals; None keeps none."""
    keep_journals: bool = True
    """False deletes a session's journals when it ends, as on a Space."""
    allow_camera: bool | None = None
    """Whether the page may open cameras of this machine; None = only when nobody else can reach the page."""
    allow_urls: bool | None = None
    """Whether visitors may name addresses for this machine to open (rtsp, http, https); None as above."""
    allow_models: bool | None = None
    """Whether visitors may make it load another model, for everybody; None as above."""
    on_space: bool = False
    """A Hugging Face Space: no camera, no addresses, no other models for visitors, whatever the fields above say."""
    speech: str = SPEECH_MODEL
    """Folder or hub id of the model that turns spoken instructions into text; downloaded when it is first needed."""
    run_limit_s: float | None = None
    """A run ends after this many seconds, with a warning before; None is no limit."""
    https_dir: Path | None = None
    """Folder of a self-signed certificate, to serve https; None serves http."""
    mcp: bool = False
    """Whether agents may use the page's tool over the Model Context Protocol, at /gradio_api/mcp/."""

    def __post_init__(self):
        if self.quantize not in (None, *QUANTIZE):
            raise ValueError(f"quantize is {self.quantize!r}; choose one of {', '.join(QUANTIZE)}.")
        if not 1 <= self.port <= 65535:
            raise ValueError(f"port is {self.port}; choose one from 1 to 65535.")
        if self.seats < 1:
            raise ValueError(f"seats is {self.seats}; at least 1 is needed.")
        if not 1 <= self.max_lanes <= 8:
            raise ValueError(f"max_lanes is {self.max_lanes}; choose 1 to 8.")
        if self.run_limit_s is not None and not 0 < self.run_limit_s < 1e9:
            raise ValueError(f"run_limit_s is {self.run_limit_s}; more than 0 is needed, or nothing for no limit.")
        if self.share and self.https_dir:
            raise ValueError("--share brings https of its own; leave out --share or --ssl-self-signed.")
        if not self.host or not self.model:
            raise ValueError("host and model must not be empty.")

    @property
    def exposed(self) -> bool:
        """Whether someone on another machine can reach the page."""
        return self.share or not is_loopback(self.host)

    @property
    def camera_allowed(self) -> bool:
        """`allow_camera`, with the loopback rule applied."""
        return self._allowed(self.allow_camera)

    @property
    def urls_allowed(self) -> bool:
        """`allow_urls`, likewise: an address typed by a stranger would be opened inside this machine's network."""
        return self._allowed(self.allow_urls)

    @property
    def models_allowed(self) -> bool:
        """`allow_models`, likewise: a stranger could fill the disk from the hub, and change the model for everybody."""
        return self._allowed(self.allow_models)

    def _allowed(self, asked: bool | None) -> bool:
        return not self.on_space and (not self.exposed if asked is None else asked)

    @classmethod
    def from_args(cls, argv: Sequence[str] | None = None, environ: Mapping[str, str] = os.environ) -> "AppConfig":
        """From the command line of `app.py`, as `from_namespace`. Raises ValueError with one sentence for a bad one."""
        parser = Parser(prog="app.py", description="Streamo in the browser.")
        add_page_arguments(parser, environ)
        return cls.from_namespace(parser.parse_args(argv), environ)

    @classmethod
    def from_namespace(cls, args: argparse.Namespace, environ: Mapping[str, str] = os.environ) -> "AppConfig":
        """From what a parser with `add_page_arguments` read; on a Hugging Face Space it keeps no journal. Raises
        ValueError."""
        on_space = is_space(environ)
        values = vars(args).copy()
        minutes = values.pop("run_minutes")
        if not 0 <= minutes < 1e6:
            raise ValueError(f"--run-minutes is {minutes:g}; give minutes, or 0 for no limit.")
        values["run_limit_s"] = 60 * minutes or None
        values["auth"] = parse_auth(values["auth"])
        values["https_dir"] = data_dir(environ) / "https" if values.pop("ssl_self_signed") else None
        journals = Path(tempfile.gettempdir()) / "streamo-journals" if on_space else default_journal_dir(environ)
        return cls(**values, journal_dir=journals, keep_journals=not on_space, on_space=on_space)


def is_space(environ: Mapping[str, str]) -> bool:
    """Whether this is a Hugging Face Space."""
    return "SPACE_ID" in environ


def add_page_arguments(parser: argparse.ArgumentParser, environ: Mapping[str, str] = os.environ) -> None:
    """The options of the page; on a Hugging Face Space it listens everywhere and ends runs by default."""
    on_space = is_space(environ)
    parser.add_argument(
        "--model", default=BUILT_IN_MODEL, help="folder or hub id of a model (default: the built-in one)"
    )
    parser.add_argument("--quantize", choices=QUANTIZE, help="default: 4bit on CUDA for weights above 1 GB, else none")
    parser.add_argument(
        "--host",
        default=EVERYWHERE if on_space else LOOPBACK,
        help="address to listen on (default: this machine only)",
    )
    parser.add_argument("--port", type=int, default=7860, help="port to listen on (default: 7860)")
    parser.add_argument("--auth", metavar="USER:PASSWORD", help="ask for this name and password")
    parser.add_argument("--share", action="store_true", help="also serve through a public Gradio link")
    parser.add_argument(
        "--allow-camera", action="store_true", default=None, help="let visitors open this machine's cameras"
    )
    parser.add_argument(
        "--allow-urls", action="store_true", default=None, help="let visitors open addresses from this machine"
    )
    parser.add_argument(
        "--allow-models", action="store_true", default=None, help="let visitors change the model, for everybody"
    )
    parser.add_argument(
        "--speech",
        metavar="MODEL",
        default=SPEECH_MODEL,
        help=f"folder or hub id of a speech recognition model for spoken instructions (default: {SPEECH_MODEL})",
    )
    parser.add_argument(
        "--run-minutes",
        type=float,
        metavar="M",
        default=SPACE_RUN_MINUTES if on_space else 0,
        help="end a run after this many minutes (default: never; 30 on a Space)",
    )
    parser.add_argument(
        "--ssl-self-signed",
        action="store_true",
        help="serve https with a self-signed certificate, so that browsers on other machines allow their webcams",
    )
    parser.add_argument("--mcp", action="store_true", help="offer watching a video as an MCP tool, at /gradio_api/mcp/")


def parse_auth(text: str | None) -> tuple[str, str] | None:
    """ "name:password" to a pair; the password may hold colons. Raises ValueError when either is missing."""
    if text is None:
        return None
    name, colon, password = text.partition(":")
    if not (name and colon and password):
        raise ValueError("--auth needs USER:PASSWORD, neither of them empty.")
    return name, password
