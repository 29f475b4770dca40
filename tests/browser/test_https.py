"""The page over https with its own certificate, opened as from another machine. A module of its own: it needs a server
of its own, and two browsers are not driven from one thread.
"""

import pytest
from playwright.sync_api import expect

from tests.support.browser import cells, choose, running_site, wait_for
from tests.support.fakecam import street, write_camera
from tests.support.lamp_model import LampModel

pytestmark = pytest.mark.browser


def test_https_of_our_own_lends_webcam_and_microphone_to_a_page_from_elsewhere(chromium, tmp_path):
    clip = street()
    camera = write_camera(tmp_path / "street.y4m", clip)
    with running_site(LampModel(clip), camera, chromium, https_dir=tmp_path / "https", host="0.0.0.0") as site:
        assert site.url.startswith("https://localhost:")
        with site.visitor(host="elsewhere.test", ignore_https_errors=True) as page:
            assert page.url.startswith("https://elsewhere.test")
            choose(page, "webcam")
            expect(page.locator("#message")).to_be_hidden()
            page.click("#go")
            wait_for(page, lambda: cells(page) >= 2, "two decided seconds of the webcam")
            page.click("#mic")
            expect(page.locator("#mic-says")).to_contain_text("Listening")
