"""Measures what the page costs besides the model: processor time of the server with webcam users on it, minus the
model's own.

Run from the repository root, with what `make test` installs:  .venv/bin/python -m scripts.page_cost [--seconds N]
[--users N] [--lanes N]

The server runs in this process around the real model; the browser runs in another one, whose time does not count, and
its webcam shows a rendered street. The model is given one thread (the engine's), so the time of that thread is the
model's and the rest is the page's: web server, incoming frames, sessions, views. Times are processor time, which does
not grow when the machine is busy with something else. Not a test: nothing is asserted. Seconds skipped and lag are
those that the pages themselves show at the end.
"""

import json
import subprocess
import sys
import threading
import time
from pathlib import Path
from socket import socket
from tempfile import TemporaryDirectory

from streamo_app.config import BUILT_IN_MODEL, AppConfig, Parser
from streamo_app.dispatch import exit_status

SECONDS, SETTLE_S, IDLE_S = 60, 10, 10
INSTRUCTIONS = (
    "Notify me when the light turns green.",
    "Narrate what you see.",
    "Count the cars that pass.",
    "Notify me when a person appears.",
)
VISIT_TIMEOUT_S = 300


def main(argv: list[str] | None = None) -> int:
    parser = Parser(prog="python -m scripts.page_cost", description="Measure what the page costs besides the model.")
    parser.add_argument("--seconds", type=int, default=SECONDS, help="how long to measure (default: %(default)s)")
    parser.add_argument("--users", type=int, default=1, help="webcam users at once (default: %(default)s)")
    parser.add_argument("--lanes", type=int, default=1, help="instructions of each (default: %(default)s)")
    parser.add_argument("--model", default=BUILT_IN_MODEL, help="folder or hub id (default: the built-in model)")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of sentences")
    parser.add_argument(
        "--visit", metavar="URL CAMERA", nargs=2, help="run the browser's side; this program starts it by itself"
    )
    args = parser.parse_args(argv)
    if args.visit:
        visit(*args.visit, args.users, args.lanes)
        return 0
    if args.seconds < 1 or not 1 <= args.users <= 8 or not 1 <= args.lanes <= len(INSTRUCTIONS):
        raise ValueError(f"Give at least 1 second, 1 to 8 users and 1 to {len(INSTRUCTIONS)} lanes.")
    if not hasattr(time, "pthread_getcpuclockid"):
        raise ValueError("This system cannot report the processor time of another thread; measure on Linux.")
    result = measure(args.model, args.users, args.lanes, args.seconds)
    print(json.dumps(result) if args.json else describe(result))
    return 0


def measure(model: str, users: int, lanes: int, seconds: int) -> dict:
    """Serves the page, lets the users come, and measures."""
    import torch

    from streamo_app.models.engine import Engine
    from streamo_app.models.loading import load_model
    from streamo_app.ui.serve import serve
    from streamo_app.ui.visitor.samples import load_clips
    from streamo_app.ui.visitor.visitors import Visitors
    from tests.support.fakecam import street, write_camera

    torch.set_num_threads(1)
    with socket() as probe:
        probe.bind(("127.0.0.1", 0))
        config = AppConfig(port=probe.getsockname()[1])
    engine = Engine(load_model(model)).start()
    visitors = Visitors(engine, config, load_clips())
    blocks, url = serve(visitors, config)
    try:
        with TemporaryDirectory() as folder:
            camera = write_camera(Path(folder) / "street.y4m", street())
            idle = shares(IDLE_S)
            command = [
                sys.executable,
                "-m",
                "scripts.page_cost",
                "--visit",
                url,
                str(camera),
                "--users",
                str(users),
                "--lanes",
                str(lanes),
            ]
            browser = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            try:
                if browser.stdout.readline() != "watching\n":
                    raise ValueError("The browser did not get as far as watching; its error is above.")
                threading.Event().wait(SETTLE_S)
                busy = shares(seconds)
                said, _ = browser.communicate("\n", timeout=VISIT_TIMEOUT_S)
            finally:
                browser.kill()
                browser.wait()
        return {
            "users": users,
            "lanes": lanes,
            "seconds": seconds,
            "idle": idle,
            "busy": busy,
            "pages": json.loads(said),
        }
    finally:
        visitors.stop()
        blocks.close(verbose=False)
        engine.stop()


def shares(seconds: int) -> dict:
    """Processor time over the next `seconds`, in percent of one core: of the engine's thread, and of everything else in
    this process."""
    engine = next(thread for thread in threading.enumerate() if thread.name == "engine")
    clock = time.pthread_getcpuclockid(engine.ident)
    began, all_before, model_before = time.perf_counter(), time.process_time(), time.clock_gettime(clock)
    threading.Event().wait(seconds)
    took, whole, model = (
        time.perf_counter() - began,
        time.process_time() - all_before,
        time.clock_gettime(clock) - model_before,
    )
    return {"model_percent": round(100 * model / took, 1), "page_percent": round(100 * (whole - model) / took, 1)}


def visit(url: str, camera: str, users: int, lanes: int) -> None:
    """Runs webcam users in Chromium until a line comes on stdin, then prints the numbers that their pages show."""
    from contextlib import ExitStack

    from playwright.sync_api import sync_playwright

    from tests.support.browser import FLAGS, Site, ask, cells, choose, wait_for
    from tests.support.chromium import CHROMIUM

    with sync_playwright() as playwright, ExitStack() as stack:
        browser = playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=[*FLAGS, f"--use-file-for-fake-video-capture={camera}"]
        )
        site, pages = Site(url, None, None, browser), []
        for _ in range(users):
            pages.append(page := stack.enter_context(site.visitor()))
            choose(page, "webcam")
            for text in INSTRUCTIONS[:lanes]:
                ask(page, text)
                page.locator(".lane", has_text=text).wait_for()
            page.click("#go")
        for page in pages:
            wait_for(page, lambda page=page: cells(page) >= 3, "three decided seconds")
        print("watching", flush=True)
        sys.stdin.readline()
        read = """all => Object.fromEntries(
            all.map(one => [one.querySelector('dt').textContent, one.querySelector('dd').textContent]))"""
        print(json.dumps([page.locator(".number").evaluate_all(read) for page in pages]))


def describe(result: dict) -> str:
    """The result in sentences."""
    busy, idle = result["busy"], result["idle"]
    lines = [
        f"{result['users']} webcam user(s) with {result['lanes']} instruction(s) each, {result['seconds']} s:",
        f"  the page takes {busy['page_percent']} % of one core besides the model "
        f"({idle['page_percent']} % without users)",
        f"  the model takes {busy['model_percent']} % of one core",
    ]
    for number, page in enumerate(result["pages"], 1):
        lines.append(f"  page {number}: {', '.join(f'{value} {label}' for label, value in page.items())}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(exit_status(main))
