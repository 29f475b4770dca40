"""Sources, control and numbers in a real browser, around a model that sees a lamp (`lamp_model.py`).

python -m pytest tests/browser/test_settings.py          # skips, and says so, where there is no Chromium
"""

import pytest
from playwright.sync_api import expect

from streamo_app.models.loading import save_pretrained
from streamo_app.models.settings import Settings
from tests.support import tiny
from tests.support.browser import START, STOP, ask, cells, choose, ticks, too_wide, wait_for
from tests.support.lamp_model import GREEN
from tests.support.netcam import PASSWORD, network_camera, shown_as

pytestmark = pytest.mark.browser


def first_second(page) -> int:
    return int(page.locator(".row.asked").first.get_attribute("data-second"))


def test_a_webcam_is_paused_and_goes_on_in_the_same_lane_and_the_statistics_tell_it_from_skipping(site):
    with site.visitor() as page:
        choose(page, "webcam")
        ask(page, GREEN)
        expect(page.locator("#pause")).to_be_hidden()
        page.click("#go")
        wait_for(page, lambda: cells(page) >= 2, "two decided seconds")
        page.click("#pause:text-is('Pause')")
        expect(page.locator("#state")).to_contain_text("Paused")
        ticks(page, 3)
        decided = cells(page)
        ticks(page, 6)
        assert cells(page) == decided
        expect(page.locator("#restart")).to_be_hidden()
        page.click("#pause:text-is('Resume')")
        expect(page.locator("#state")).to_contain_text("Running")
        expect(page.locator("#rows")).to_contain_text("s before this.")
        wait_for(page, lambda: cells(page) >= decided + 2, "the strip to go on")
        expect(page.locator("#lanes .lane")).to_have_count(1)
        numbers = dict(
            page.locator(".number").evaluate_all(
                "all => all.map(one => [one.querySelector('dt').textContent, one.querySelector('dd').textContent])"
            )
        )
        assert set(numbers) == {
            "per second of video",
            "p95",
            "real time",
            "behind",
            "skipped",
            "paused",
            "frames dropped",
            "remembered",
            "memory",
            "on cpu",
        }
        assert int(numbers["paused"].split()[0]) >= 2 and numbers["memory"].endswith("B")
        assert all(page.locator(".number").evaluate_all("all => all.map(one => one.title.length > 20)"))
        wait_for(
            page,
            lambda: page.locator(".spark path").evaluate_all("all => all.every(path => path.getAttribute('d'))"),
            "a line of each number that has one",
        )


def test_a_clip_is_started_again_where_its_player_stands_with_the_same_instructions(site):
    with site.visitor() as page:
        ask(page, "Something else")
        page.click("#go")
        expect(page.locator("#rows")).to_contain_text("Heard: Something else")
        player = page.locator("#player")
        player.evaluate("player => { player.currentTime = 20.5; }")
        wait_for(
            page,
            lambda: page.locator("#state").inner_text().endswith(("0:20", "0:21", "0:22")),
            "the place sought to be decided",
        )
        page.click("#restart:text-is('Restart from here')")
        wait_for(
            page, lambda: page.locator(".row.asked").count() and first_second(page) >= 20, "the new run to begin there"
        )
        expect(page.locator("#rows")).to_contain_text("Heard: Something else")
        expect(page.locator("#lanes .lane p")).to_have_text(["Something else"])
        page.click("#pause:text-is('Pause')")
        assert player.evaluate("player => player.paused")
        expect(page.locator("#state")).to_contain_text("video paused")
        page.click("#pause:text-is('Resume')")
        wait_for(page, lambda: not player.evaluate("player => player.paused"), "the player to go on")
        page.click(STOP)
        player.evaluate("player => { player.currentTime = 9.2; }")
        page.click("#restart:text-is('Start from here')")
        wait_for(page, lambda: page.locator(".row.asked").count() and first_second(page) == 9, "a run from there")


@pytest.mark.parametrize("width, scheme", [(1280, "light"), (390, "dark")])
def test_an_address_is_watched_shown_by_the_server_and_its_password_never_comes_back(site, width, scheme):
    with network_camera() as address, site.visitor(width=width, color_scheme=scheme) as page:
        choose(page, "address")
        page.click("#go")
        expect(page.locator("#message")).to_have_text("Type the address of a stream first.")
        page.fill("#address", "file:///etc/passwd")
        page.press("#address", "Enter")
        expect(page.locator("#message")).to_contain_text("'file://' addresses are not supported")
        page.fill("#address", address)
        page.press("#address", "Enter")
        expect(page.locator("#preview")).to_be_visible()
        wait_for(page, lambda: cells(page) >= 2, "two decided seconds")
        assert not too_wide(page)
        page.reload()
        page.wait_for_selector(STOP)
        expect(page.locator("#preview")).to_be_visible()
        page.click(STOP)
        expect(page.locator("#address")).to_have_attribute("placeholder", f"{shown_as(address)} again")
        assert PASSWORD not in page.content()
        page.click(START)
        page.wait_for_selector(STOP)
        wait_for(page, lambda: cells(page) >= 1, "the same address to be watched again")


def test_settings_are_closed_until_asked_for_and_a_bad_model_is_reported_while_a_good_one_ends_everybodys_runs_politely(
    site, tmp_path
):
    save_pretrained(tiny.model(layers=1), tiny.tokenizer(), tmp_path / "small", Settings(name="small", window=40))
    with site.visitor() as page, site.visitor(width=390) as other:
        other.click("#go")
        other.wait_for_selector(STOP)
        panel = page.locator("#settings-panel")
        expect(panel).to_be_hidden()
        page.focus("#settings-open")
        page.keyboard.press("Enter")
        expect(panel).to_be_visible()
        page.click("input[name=fps][value='2'] + span")
        page.fill("#window", "500")
        page.press("#window", "Enter")
        expect(page.locator("#message")).to_contain_text("It can remember 5 to 120 s")
        page.check("#longer")
        expect(page.locator("#message")).to_be_hidden()
        page.click("#go")
        wait_for(page, lambda: cells(page) >= 1, "a decided second")
        visitor = site.visitors.find(page.evaluate("sessionStorage.getItem('streamo')"))
        assert (visitor.session.snapshot().fps, visitor.session.snapshot().window) == (2, 500)
        page.select_option("#model-kind", "folder")
        for name, words in ((str(tmp_path), "holds no config.json"), (str(tmp_path / "small"), "In use: small on cpu")):
            page.fill("#model-name", name)
            page.click("#model-load")
            expect(page.locator("#model-state")).to_contain_text(words)
        for visitor in (page, other):
            expect(visitor.locator("#rows")).to_contain_text(
                "The model of this server was changed to small; press Start to continue with it."
            )
            expect(visitor.locator("#state")).to_contain_text("Ended")
        other.click(START)
        wait_for(other, lambda: cells(other) >= 1, "a second decided by the new model")
        assert not too_wide(other)
