"""Nobody is kept out: axe-core finds nothing serious on any state of the page, the keyboard alone is enough, and
colours differ for colour-blind eyes.

    python -m pytest tests/browser/test_access.py
"""

import itertools
import re

import numpy as np
import pytest
from playwright.sync_api import expect

from streamo_app.colours import LANES_DARK, LANES_LIGHT
from tests.support.browser import STOP, ask, cells, wait_for
from tests.support.lamp_model import NARRATE

PANELS = ("details > summary", "[aria-expanded='false'][aria-controls]")
"""What opens a panel on the page itself; each is opened for the third look."""
EYES = {
    "usual": np.eye(3),
    "without red": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "without green": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "without blue": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
"""Machado, Oliveira, Fernandes 2009, severity 1: what is left of linear RGB."""
LEAST_DISTANCE = 0.08
"""In Oklab; two colours next to each other differ plainly from about 0.02."""


def linear(colour: str) -> np.ndarray:
    share = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)


def oklab(rgb: np.ndarray) -> np.ndarray:
    cones = [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
    axes = [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
    return np.array(axes) @ np.cbrt(np.array(cones) @ rgb)


@pytest.mark.parametrize("lanes", [LANES_LIGHT, LANES_DARK], ids=["light", "dark"])
@pytest.mark.parametrize("eye", EYES)
def test_any_two_lane_colours_differ_for_every_eye(eye, lanes):
    seen = {colour: oklab(np.clip(np.array(EYES[eye]) @ linear(colour), 0, 1)) for colour in lanes}
    assert len(seen) == 8
    assert min(np.linalg.norm(seen[a] - seen[b]) for a, b in itertools.combinations(seen, 2)) > LEAST_DISTANCE


def wrong(page) -> list[str]:
    """Serious and critical findings of axe-core, one line each."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response["violations"]
    return [
        f"{one['id']}: {node['html'][:160]}"
        for one in found
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
    ]


@pytest.mark.browser
@pytest.mark.parametrize("width, scheme", [(1280, "light"), (390, "dark"), (1280, "dark"), (390, "light")])
def test_axe_finds_nothing_serious_idle_running_and_with_everything_open(site, width, scheme):
    with site.visitor(width=width, color_scheme=scheme, reduced_motion="reduce") as page:
        assert wrong(page) == []
        page.click("#go")
        ask(page, "Second wish")
        ask(page, "Third wish")
        expect(page.locator("#rows .row", has_text="Heard: Third wish")).to_be_visible()
        lane = page.locator(".lane[data-lane='2']")
        lane.get_by_label("Mute lane 2").click()
        expect(lane).to_have_class(re.compile("muted"))
        page.click("#transcript-filter [data-lane='1']")
        assert wrong(page) == []
        page.locator(".lane.chosen .follow").click()
        for panel in page.locator(", ".join(PANELS)).all():
            if panel.is_visible():
                panel.click()
        page.locator(".lane.chosen .strip").focus()
        page.keyboard.press("ArrowLeft")
        assert wrong(page) == []
        page.locator("#past-open").click()
        expect(page.locator("#past")).to_be_visible()
        assert wrong(page) == []


@pytest.mark.browser
def test_the_keyboard_alone_asks_starts_looks_and_stops(site):
    with site.visitor() as page:

        def tab_to(selector: str) -> None:
            for _ in range(80):
                if page.evaluate("selector => document.activeElement.matches(selector)", selector):
                    return
                page.keyboard.press("Tab")
            raise AssertionError(f"Tab never reaches {selector}")

        tab_to("#ask-text")
        page.keyboard.type(NARRATE)
        page.keyboard.press("Enter")
        expect(page.locator("#lanes .lane")).to_have_count(1)
        page.evaluate("document.activeElement.blur(); getSelection().removeAllRanges()")
        page.locator("body").focus()
        tab_to("#go")
        page.keyboard.press("Enter")
        page.wait_for_selector(STOP)
        wait_for(page, lambda: cells(page) >= 3, "three decided seconds")
        tab_to(".lane .strip")
        page.keyboard.press("Home")
        expect(page.locator("#tip")).to_contain_text("0:00 · responds")
        page.keyboard.press("Escape")
        expect(page.locator("#tip")).to_be_hidden()
        tab_to("#go")
        page.keyboard.press("Enter")
        expect(page.locator("#state")).to_contain_text("Ended")
