"""A server that is killed (kill -9) while a page watches, and started again: the page comes back by itself. The real
command and model.

python -m pytest tests/browser/test_killed_server.py          # skips, and says so, where there is no Chromium
"""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import expect, sync_playwright

from tests.support.browser import FLAGS, PATIENCE_MS, START, ask, cells, wait_for
from tests.support.ports import free_port

pytestmark = pytest.mark.browser
ROOT = Path(__file__).resolve().parents[2]


def serve(port: int, home: Path) -> subprocess.Popen:
    """`python app.py`, once it says that it is there."""
    environment = {**os.environ, "XDG_DATA_HOME": str(home)}
    process = subprocess.Popen(
        [sys.executable, "app.py", "--port", str(port)], stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment
    )
    assert process.stdout.readline() == f"Streamo on http://127.0.0.1:{port}\n"
    return process


def test_a_page_gets_its_transcript_back_from_a_server_that_was_killed_and_started_again(chromium, tmp_path):
    port = free_port()
    server = serve(port, tmp_path)
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
            page = browser.new_context().new_page()
            page.set_default_timeout(PATIENCE_MS)
            expect.set_options(timeout=PATIENCE_MS)
            page.goto(f"http://127.0.0.1:{port}")
            page.wait_for_selector(START)
            ask(page, "Notify me when the light turns green.")
            page.click("#go")
            expect(page.locator(".row.response p").first).to_be_visible()
            wait_for(page, lambda: cells(page) >= 5, "five decided seconds")
            said, seen = page.locator(".row.response p").all_text_contents(), cells(page)
            server.send_signal(signal.SIGKILL)
            server.wait()
            page.wait_for_timeout(3000)
            server = serve(port, tmp_path)
            expect(page.locator("#rows")).to_contain_text("The server stopped here; press Start to watch again.")
            assert page.locator(".row.response p").all_text_contents()[: len(said)] == said and cells(page) >= seen
            expect(page.locator("#lanes .lane p")).to_have_text(["Notify me when the light turns green."])
            page.click(START)
            wait_for(page, lambda: 2 <= cells(page) < seen, "the strip to begin again")
            browser.close()
    finally:
        server.kill()
        server.wait()
