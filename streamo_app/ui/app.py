"""Streamo in the browser: a page that watches a webcam, a clip or a camera and speaks when there is something to say.

python app.py                                # http://127.0.0.1:7860 with the built-in model
streamo app --model path/to/checkpoint --quantize 4bit --port 8000
"""

import importlib.util
import os
import signal
import socket
import threading
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence

from streamo_app.config import AppConfig, add_page_arguments
from streamo_app.dispatch import exit_status
from streamo_app.ui.certificate import is_everywhere, names_of, own_addresses, self_signed


def main(argv: Sequence[str] | None = None) -> int:
    """`app.py`: serve until SIGINT or SIGTERM, then 0. When it cannot start: 2 and one line on stderr."""
    return exit_status(lambda: serve_page(AppConfig.from_args(argv)), name="streamo")


def add_arguments(parser: ArgumentParser) -> None:
    add_page_arguments(parser)


def run(args: Namespace) -> int:
    """The command `app`. Exit status. Raises ValueError with one sentence."""
    return serve_page(AppConfig.from_namespace(args))


def serve_page(config: AppConfig) -> int:
    check_port(config.host, config.port)
    if config.mcp:
        check_mcp()
    certificate = self_signed(config.https_dir, names_of(config.host)) if config.https_dir else None
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    # After the command line was read: torch and Gradio take seconds to import.
    from streamo_app.models.engine import Engine
    from streamo_app.models.loading import load_model
    from streamo_app.ui.serve import serve
    from streamo_app.ui.visitor.samples import load_clips
    from streamo_app.ui.visitor.visitors import Visitors

    clips = load_clips()
    engine = Engine(load_model(config.model, quantize=config.quantize)).start()
    visitors = Visitors(engine, config, clips)
    blocks, stopped = None, threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    try:
        blocks, url = serve(visitors, config)
        print(f"Streamo on {url}", flush=True)
        if certificate:
            print(about_https(config, certificate.fingerprint), flush=True)
        stopped.wait()
    finally:
        visitors.stop()
        if blocks is not None:
            blocks.close(verbose=False)
        engine.stop()
    return 0


def check_port(host: str, port: int) -> None:
    """Raises ValueError if the port is taken: Gradio would print many lines, or silently choose another port."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host.strip("[]"), port))
        except OSError as error:
            raise ValueError(
                f"Cannot listen on {host} port {port} ({error.strerror}); choose another with --port."
            ) from None


def about_https(config: AppConfig, fingerprint: str) -> str:
    """What to open on another machine, and how to tell that it is this one."""
    others = own_addresses() if is_everywhere(config.host) else []
    there = (
        f"On other machines: {' or '.join(f'https://{bracketed(address)}:{config.port}' for address in others)}\n"
        if others
        else ""
    )
    return f"{there}Browsers warn once about a self-signed certificate; its SHA-256 fingerprint is\n{fingerprint}"


def bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def check_mcp() -> None:
    """Raises ValueError without the package of --mcp: Gradio would print a traceback, or serve without."""
    if importlib.util.find_spec("mcp") is None:
        raise ValueError('--mcp needs the mcp package; pip install "mcp<2", or leave --mcp out.')
