"""All seats taken, and runs that last too long, in a real browser: a page that waits shows its place in line and
connects by itself; a long run is warned first, and its transcript stays.

python -m pytest tests/browser/test_waiting_line.py
"""

import pytest
from playwright.sync_api import expect

from tests.support.browser import START, choose, running_site
from tests.support.fakecam import street, write_camera
from tests.support.lamp_model import LampModel

pytestmark = pytest.mark.browser


def test_a_waiting_page_says_how_it_stands_and_gets_in_and_a_long_run_ends_politely(chromium, tmp_path):
    clip = street()
    with running_site(
        LampModel(clip), write_camera(tmp_path / "street.y4m", clip), chromium, seats=1, run_limit_s=6.0
    ) as site:
        with site.visitor() as first:
            second = site.browser.new_context().new_page()
            second.goto(site.url)
            expect(second.locator("#message")).to_have_text(
                "The one seat is taken. You are number 1 of 1 waiting; this page will connect automatically."
            )
            expect(second.locator("#state")).to_contain_text("Waiting for a seat")
            expect(second.locator("#go")).to_be_disabled()
            choose(first, "webcam")
            first.click("#go")
            expect(first.locator("#rows")).to_contain_text("Runs are limited to 6 seconds here")
            expect(first.locator("#rows")).to_contain_text("so others can use it")
            expect(first.locator("#state")).to_contain_text("Ended")
        second.wait_for_selector(START)
        expect(second.locator("#message")).to_be_hidden()
        second.context.close()
