"""What a visitor keeps, in a real browser: exports, past sessions, and a server that is killed. Around a model that
sees a lamp.

python -m pytest tests/browser/test_saved.py          # skips, and says so, where there is no Chromium
"""

import json
import re

import numpy as np
import pytest
from playwright.sync_api import expect

from streamo_app.captions.draw import Captions
from streamo_app.colours import LANES_DARK
from streamo_app.transcript.exports import Cue
from streamo_app.video.file import VideoReader
from tests.support.browser import STOP, ask, cells, choose, running_site, too_wide, wait_for
from tests.support.fakecam import street, write_camera
from tests.support.lamp_model import LampModel

pytestmark = pytest.mark.browser
OWNER = "() => localStorage.getItem('streamo-owner')"


@pytest.fixture(scope="module")
def site(chromium, tmp_path_factory):
    clip = street()
    camera = write_camera(tmp_path_factory.mktemp("camera") / "street.y4m", clip)
    with running_site(LampModel(clip), camera, chromium, journal_dir=tmp_path_factory.mktemp("journals")) as running:
        yield running


def saved(page, form: str) -> tuple[str, str]:
    """(file name, text) of what the Save menu gives."""
    page.click("#save")
    with page.expect_download() as waiting:
        page.click(f"#save-menu [data-form={form}]")
    return waiting.value.suggested_filename, waiting.value.path().read_text()


def run(page, wish: str) -> None:
    ask(page, wish)
    page.click("#go")
    expect(page.locator("#rows")).to_contain_text(f"Heard: {wish}")
    page.click(STOP)
    expect(page.locator("#rows")).to_contain_text("Stopped.")


def test_the_transcript_is_saved_while_it_runs_and_afterwards_under_a_good_name(site):
    with site.visitor() as page:
        expect(page.locator("#save")).to_be_disabled()
        ask(page, "A <b>wish</b>.")
        page.click("#go")
        wait_for(page, lambda: cells(page) >= 3, "three decided seconds")
        name, text = saved(page, "jsonl")
        assert re.fullmatch(r"midday-20\d\d-\d\d-\d\d-\d{4}\.jsonl", name)
        assert [json.loads(line)["instruction"] for line in text.splitlines()][:2] == ["A <b>wish</b>."] * 2
        page.click(STOP)
        expect(page.locator("#rows")).to_contain_text("Stopped.")
        assert saved(page, "srt")[1].startswith("1\n00:00:00,000 --> 00:00:03,000\nHeard: A <b>wish</b>.\n")
        assert saved(page, "vtt")[1].startswith(
            "WEBVTT\n\n1\n00:00:00.000 --> 00:00:03.000\nHeard: A &lt;b&gt;wish&lt;/b&gt;.\n"
        )
        name, text = saved(page, "md")
        assert name.endswith(".md") and text.startswith("# midday.webm\n") and "Stopped" in text


def test_nobody_saves_what_belongs_to_another_visitor(site):
    with site.visitor() as page, site.visitor() as other:
        run(page, "Mine alone")
        mine = {
            "id": page.evaluate("() => sessionStorage.getItem('streamo')"),
            "owner": page.evaluate(OWNER),
            "form": "md",
        }
        theirs = other.evaluate(OWNER)

        def answer(**change) -> tuple[int, str]:
            reply = other.request.post(f"{site.url}/streamo/save", data=mine | change)
            return reply.status, reply.text()

        assert answer()[0] == 200 and "Mine alone" in answer()[1]
        gone = (404, "This session no longer exists; reload the page.")
        assert [answer(**change) for change in ({"owner": theirs}, {"owner": ""}, {"id": "x" * 32}, {"id": ["x"]})] == [
            gone
        ] * 4
        assert answer(form="../../etc/passwd") == (409, "This format cannot be saved; reload the page.")
        assert (
            answer(form="x" * 5000)[0] == 413
            and other.request.post(f"{site.url}/streamo/save", data="no json").status == 400
        )
        assert other.request.get(f"{site.url}/streamo/save").status in (404, 405)


def test_past_sessions_are_listed_opened_and_deleted_by_their_own_browser_only(site):
    with site.visitor() as page, site.visitor(width=390, color_scheme="dark") as other:
        run(page, "First")
        run(page, "Second")
        page.click("#past-open")
        items = page.locator("#past-list li")
        expect(items).to_have_count(2)
        expect(items.nth(1)).to_contain_text("midday.webm")
        expect(items.nth(1)).to_contain_text("“First”")
        items.nth(1).locator(".tool:text-is('Open')").click()
        expect(page.locator("#rows")).to_contain_text("Heard: First")
        expect(page.locator("#rows")).not_to_contain_text("Second")
        expect(page.locator("#lanes .lane p")).to_have_text(["First"])
        assert cells(page) >= 1 and "First" in saved(page, "md")[1]
        page.locator(".row.response .jump").first.click()

        other.click("#past-open")
        expect(other.locator("#past-note")).to_contain_text("Nothing yet")
        assert not too_wide(other)
        name = site.visitors.tab_of_owner(
            page.evaluate("() => sessionStorage.getItem('streamo')"), page.evaluate(OWNER)
        ).session.journal_path.stem
        for action in ("reopen", "delete"):
            other.evaluate("what => window.streamo.act(what)", {"do": action, "name": name})
            expect(other.locator("#message")).to_have_text("This session no longer exists; open the list again.")
        expect(other.locator("#rows")).not_to_contain_text("First")

        page.click("#past-open")
        items.nth(1).locator(".tool:text-is('Delete')").click()
        items.nth(1).locator(".tool:text-is('No')").click()
        items.nth(1).locator(".tool:text-is('Delete')").click()
        items.nth(1).locator(".tool:text-is('Delete for good')").click()
        expect(items).to_have_count(1)
        page.keyboard.press("Escape")
        expect(page.locator("#past")).to_be_hidden()
        assert not (site.visitors.config.journal_dir / f"{name}.jsonl").exists()


def has_lane(picture: np.ndarray, lane: int = 1) -> bool:
    """Whether the lane's colour fills a field at the left of the lower half of a picture."""
    colour = np.array([int(LANES_DARK[lane - 1][at : at + 2], 16) for at in (1, 3, 5)])
    height, width = picture.shape[:2]
    near = np.abs(picture[height // 2 :, : width // 8].astype(int) - colour).max(axis=-1) < 40
    return near.sum() > 100


def test_captions_have_the_colours_of_the_dark_page(site):
    with site.visitor(color_scheme="dark") as page:
        page.wait_for_selector(".dark")
        of_lane = "lane => getComputedStyle(document.querySelector('.dark')).getPropertyValue(`--lane-${lane}`)"
        shown = [page.evaluate(of_lane, lane) for lane in range(1, 9)]
    picture, numbered = np.zeros((2000, 2000, 3), np.uint8), [Cue(0, 1, lane, "Seen.") for lane in range(1, 9)]
    Captions(numbered, 2000, 2000).draw(picture, 0.0)
    drawn = {"#{:02x}{:02x}{:02x}".format(*colour) for colour in picture[200:, 60]}
    assert set(shown) <= drawn and len(set(shown)) == 8


def test_a_clip_is_saved_as_a_video_with_captions_and_the_making_of_it_can_be_cancelled(site):
    with site.visitor() as page:
        ask(page, "Watch.")
        page.click("#go")
        wait_for(page, lambda: cells(page) >= 5, "five decided seconds")
        page.click("#save")
        expect(page.locator("#save-menu [data-form=webm]")).to_be_disabled()
        page.keyboard.press("Escape")
        page.click(STOP)
        expect(page.locator("#rows")).to_contain_text("Stopped.")
        second = cells(page) - 1
        with site.visitors.shared.video_slot:
            page.click("#save")
            page.click("#save-menu [data-form=webm]")
            expect(page.locator("#film p")).to_have_text("The video with captions is waiting for its turn…")
            page.click("#film .tool:text-is('Cancel')")
            expect(page.locator("#film")).to_be_hidden()
        with page.expect_download() as waiting:
            page.click("#save")
            page.click("#save-menu [data-form=webm]")
        assert re.fullmatch(r"midday-20[-\d]+\.webm", waiting.value.suggested_filename)
        expect(page.locator("#film p")).to_have_text("The video with captions is ready.")
        pictures = VideoReader(waiting.value.path())
        assert pictures.stated_s == pytest.approx(second + 4, abs=1)
        assert [has_lane(pictures.image_at(t)) for t in (0.0, 2.5, 3.5)] == [True, True, False]
        made = site.visitors.tab_of_owner(
            page.evaluate("() => sessionStorage.getItem('streamo')"), page.evaluate(OWNER)
        ).saved.caption_video.file()
        page.click("#film .tool:text-is('Close')")
        expect(page.locator("#film")).to_be_hidden()
        assert not made.exists()


def test_a_webcam_is_kept_only_where_that_was_ticked_and_gone_with_its_visitor(site):
    with site.visitor() as page:
        expect(page.locator("#keep-video")).to_be_hidden()
        choose(page, "webcam")
        ask(page, "Watch.")
        page.click("#go")
        wait_for(page, lambda: cells(page) >= 2, "two decided seconds")
        page.click(STOP)
        page.click("#save")
        expect(page.locator("#save-menu [data-form=webm]")).to_contain_text("tick “Keep the video” before Start")
        expect(page.locator("#save-menu [data-form=webm]")).to_be_disabled()
        page.keyboard.press("Escape")
        page.check("#keep-video")
        page.click("#go")
        expect(page.locator("#rows")).not_to_contain_text("Stopped.")
        wait_for(page, lambda: cells(page) >= 3, "three decided seconds")
        page.click(STOP)
        with page.expect_download() as waiting:
            page.click("#save")
            page.click("#save-menu [data-form=webm]")
        assert has_lane(VideoReader(waiting.value.path()).image_at(1.0))
        session = page.evaluate("() => sessionStorage.getItem('streamo')")
        folder = site.visitors.tab_of_owner(session, page.evaluate(OWNER)).saved.caption_video.file().parent
        assert len(list(folder.iterdir())) == 2 and folder.stat().st_mode & 0o777 == 0o700
        site.visitors.sessions.end(session)
        assert not folder.exists()
