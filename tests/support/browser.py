"""A running page and a Chromium with a camera that shows a rendered street: what the tests of the page stand on.

Not a test. One server and one browser serve all tests of a module; each visitor has a browser context of their own,
since tabs of one context share six connections.
"""

import socket
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright

from streamo_app.config import AppConfig
from streamo_app.models.engine import Engine
from streamo_app.ui.serve import serve
from streamo_app.ui.visitor.samples import load_clips
from streamo_app.ui.visitor.visitors import Visitors

PATIENCE_MS = 45000
"""Of every wait: machines that test are busy. A wait ends as soon as what it waits for is there."""
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--host-resolver-rules=MAP elsewhere.test 127.0.0.1",
)
START, STOP = "#go:text-is('Start'):enabled", "#go:text-is('Stop'):enabled"


@dataclass
class Site:
    url: str
    visitors: Visitors
    model: object
    browser: Browser

    @contextmanager
    def visitor(self, width: int = 1280, height: int = 860, host: str = "127.0.0.1", **options):
        """A page that is ready to start. Fails when it asked for anything outside this machine, or met an error in its
        scripts. `host` "elsewhere.test": the same server, over plain http as from another machine."""
        url = self.url.replace("127.0.0.1", host).replace("localhost", host)
        context = self.browser.new_context(
            viewport={"width": width, "height": height}, permissions=["camera", "microphone"], **options
        )
        context.set_default_timeout(PATIENCE_MS)
        page, wrong = context.new_page(), []
        page.on("request", lambda request: request.url.startswith((url, "data:", "blob:")) or wrong.append(request.url))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        try:
            page.goto(url)
            page.wait_for_selector(START)
            yield page
            assert not wrong
        finally:
            context.close()


@contextmanager
def running_site(model, camera: Path, chromium: str, **config):
    """The page around `model` on a free port, and a browser whose webcam plays `camera`."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        settings = AppConfig(port=probe.getsockname()[1], **config)
    engine = Engine(model).start()
    visitors = Visitors(engine, settings, load_clips())
    blocks, url = serve(visitors, settings)
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=chromium, args=[*FLAGS, f"--use-file-for-fake-video-capture={camera}"]
            )
            expect.set_options(timeout=PATIENCE_MS)
            yield Site(url, visitors, model, browser)
            browser.close()
    finally:
        visitors.stop()
        blocks.close(verbose=False)
        engine.stop()


def choose(page: Page, source: str) -> None:
    page.locator(f"input[value={source}] + span").click()


def ask(page: Page, text: str) -> None:
    page.fill("#ask-text", text)
    page.press("#ask-text", "Enter")


def cells(page: Page, lane: int = 1) -> int:
    """Decided seconds in the strip of a lane."""
    return page.locator(f".lane[data-lane='{lane}'] .strip path").evaluate_all(
        """paths => paths
            .filter(path => path.matches('.silence, .standby, .response'))
            .map(path => ((path.getAttribute('d') || '').match(/M/g) || []).length)
            .reduce((a, b) => a + b, 0)"""
    )


def wait_for(page: Page, happened: Callable[[], object], what: str):
    """Lets the page live until `happened()` is true, and returns that; for what only the server, or several elements,
    can tell."""
    for _ in range(PATIENCE_MS // 100):
        if found := happened():
            return found
        page.wait_for_timeout(100)
    raise AssertionError(f"waited {PATIENCE_MS / 1000:.0f} s in vain for {what}")


def ticks(page: Page, count: int) -> None:
    """Until the page has asked the server `count` more times what there is to draw."""
    for _ in range(count):
        with page.expect_response(
            lambda response: "/gradio_api/run/" in response.url or "/gradio_api/queue" in response.url
        ):
            pass


def too_wide(page: Page) -> bool:
    return page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
