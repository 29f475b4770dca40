"""The product, whole: a webcam that shows a street, the built-in model, a wish typed mid-stream, and the answer on the
page in time.

No double in it; without the built-in model it fails.   python -m pytest tests/browser/test_product.py
"""

import pytest
from playwright.sync_api import expect

from streamo_app.models.loading import load_model
from tests.support.browser import ask, cells, choose, running_site, wait_for
from tests.support.fakecam import Watched, street, write_camera

GREEN = "Notify me when the light turns green."
LATE_S = 2


@pytest.mark.browser
def test_asked_mid_stream_to_notify_of_green_the_page_says_so_within_two_seconds_of_the_picture_that_showed_it(
    chromium, tmp_path
):
    clip = street()
    model = Watched(load_model(), clip)
    with running_site(model, write_camera(tmp_path / "street.y4m", clip), chromium) as site, site.visitor() as page:
        choose(page, "webcam")
        page.click("#go")
        wait_for(page, lambda: cells(page) >= 3 and "red" in model.seen.values(), "three decided seconds of the street")
        ask(page, GREEN)
        expect(page.locator(".row.asked", has_text=GREEN)).to_be_visible()
        asked = int(page.locator(".row.asked", has_text=GREEN).get_attribute("data-second"))
        lane = page.locator(".lane", has_text=GREEN).get_attribute("data-lane")
        green = wait_for(page, lambda: model.turned_green(asked), "the light to turn green")
        answers = page.locator(f".row.response[data-lane='{lane}']:not(.partial)")
        wait_for(page, lambda: answers.count() and cells(page, int(lane)) + asked > green, "an answer")
        assert 0 <= int(answers.first.get_attribute("data-second")) - green <= LATE_S, model.seen
        expect(answers.first).to_contain_text("green")
