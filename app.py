"""Streamo in the browser: a page that watches a webcam, a clip or a camera and speaks when there is something to say.

    python app.py                                # http://127.0.0.1:7860 with the built-in model
    python app.py --model Qwen/Qwen2.5-VL-3B-Instruct --quantize 4bit --port 8000
"""

import os
import signal
import sys
import threading

from streamo_app.config import AppConfig


def main(argv: list[str] | None = None) -> int:
    """Serve until SIGINT or SIGTERM. Exit code 0, or 2 and one line on stderr when it cannot start."""
    try:
        config = AppConfig.from_args(argv)
        return run(config)
    except ValueError as error:
        print(f"streamo: {error}", file=sys.stderr)
        return 2


def run(config: AppConfig) -> int:
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    # After the command line was read: torch and Gradio take seconds to come in.
    from streamo_app.models.engine import Engine
    from streamo_app.models.loading import load_model
    from streamo_app.ui.desks import Desks
    from streamo_app.ui.samples import load_clips
    from streamo_app.ui.serve import check_port, serve

    check_port(config.host, config.port)
    clips = load_clips()
    engine = Engine(load_model(config.model, quantize=config.quantize)).start()
    desks = Desks(engine, config, clips)
    blocks = None
    try:
        blocks, url = serve(desks, config)
        print(f"Streamo on {url}", flush=True)
        stopped.wait()
    finally:
        desks.stop()
        if blocks is not None:
            blocks.close(verbose=False)
        engine.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
