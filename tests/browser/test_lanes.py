"""Lanes and their timeline on the real page: told apart, muted, made more talkative, followed up, filtered; looked at
second by second.

python -m pytest tests/browser/test_lanes.py          # skips, and says so, where there is no Chromium
"""

import pytest
from playwright.sync_api import expect

from streamo_app.events import Asked, Decided, Ended
from streamo_app.protocol import State
from streamo_app.transcript.journal import Journal
from tests.support.browser import STOP, ask, cells, choose, ticks, too_wide, wait_for
from tests.support.lamp_model import NARRATE

pytestmark = pytest.mark.browser
HOUR_S = 3600


def lane(page, number: int):
    return page.locator(f".lane[data-lane='{number}']")


def said(page, number: int) -> list[str]:
    return page.locator(f".row.response[data-lane='{number}']:visible p").all_inner_texts()


def drawn(page, path: str) -> int:
    """Pieces of a path of the first lane."""
    return page.locator(path).first.get_attribute("d").count("M")


def position(page) -> float:
    return page.locator("#player").evaluate("player => player.currentTime")


def test_a_follow_up_is_typed_in_its_lane_and_the_box_always_opens_another(site):
    with site.visitor() as page:
        page.click("#go")
        page.wait_for_selector(STOP)
        lane(page, 1).locator(".follow").focus()
        page.keyboard.press("Enter")
        expect(lane(page, 1).get_by_label("Follow up in lane 1")).to_be_focused()
        page.keyboard.insert_text("x" * 4001)
        page.keyboard.press("Enter")
        expect(page.locator("#message")).to_contain_text("at most 4000 are possible")
        expect(lane(page, 1).locator(".follow-form input")).to_have_value("x" * 4001)
        page.keyboard.press("Control+a")
        page.keyboard.type("Shorter, please.")
        page.keyboard.press("Enter")
        expect(page.locator("#rows .row[data-lane='1']", has_text="Heard: Shorter, please.")).to_be_visible()
        expect(lane(page, 1).locator(".follows")).to_have_text("↳ Shorter, please.")
        expect(lane(page, 1).locator(".follow-form")).to_be_hidden()
        expect(lane(page, 1).locator(".follow")).to_be_focused()
        page.keyboard.press("Enter")
        page.keyboard.press("Escape")
        expect(lane(page, 1).locator(".follow-form")).to_be_hidden()
        ask(page, "Another one")
        expect(page.locator("#lanes .lane")).to_have_count(2)
        expect(lane(page, 2).locator(".lane-more")).to_be_visible()
        expect(lane(page, 1).locator(".lane-more")).to_be_hidden()
        page.focus(f"[aria-label='Remove: {NARRATE}']")
        page.keyboard.press("Enter")
        expect(page.locator("#lanes .lane")).to_have_count(1)


def test_what_is_typed_while_it_starts_stays_in_the_box(site):
    with site.visitor() as page:
        page.fill("#ask-text", "First wish")
        page.evaluate(
            """() => {  // the next one is typed between what Start sends and the server's answer
                const send = window.fetch;
                window.fetch = (...sent) => {
                    if (String(sent[1]?.body).includes("First wish"))
                        document.getElementById("ask-text").value = "Second wish";
                    return send(...sent);
                };
            }"""
        )
        page.click("#go")
        page.wait_for_selector(STOP)
        expect(page.locator("#lanes .lane", has_text="First wish")).to_be_visible()
        expect(page.locator("#ask-text")).to_have_value("Second wish")


def test_mute_hides_lines_and_talkativeness_reaches_the_model_and_both_outlive_a_reload(site):
    with site.visitor() as page:
        page.click("#go")
        page.wait_for_selector(STOP)
        ask(page, "Second wish")
        expect(page.locator("#rows .row[data-lane='2']", has_text="Heard: Second wish")).to_be_visible()
        wait_for(page, lambda: len(said(page, 1)) >= 2, "two lines of the first lane")
        before = said(page, 1)
        lane(page, 1).get_by_label("Mute lane 1").click()
        expect(page.locator("#rows .row[data-lane='1']")).to_have_count(0)
        slider = lane(page, 2).get_by_label("How readily lane 2 speaks")
        expect(lane(page, 2).locator(".talk-words")).to_have_text("as trained")
        for key in ("Home", "ArrowRight"):
            slider.press(key)
        expect(lane(page, 2).locator(".talk-words")).to_have_text("quieter")
        wait_for(page, lambda: site.model.talked.get("Second wish") == -2.0, "the model to be told")
        assert site.model.talked[NARRATE] == 0.0
        page.reload()
        page.wait_for_selector(STOP)
        expect(page.locator("#rows .row[data-lane='2']", has_text="Heard: Second wish")).to_be_visible()
        expect(lane(page, 2).locator(".talk-words")).to_have_text("quieter")
        expect(page.locator("#rows .row[data-lane='1']")).to_have_count(0)
        decided = cells(page, 1)
        wait_for(page, lambda: cells(page, 1) > decided, "the muted lane to go on watching")
        lane(page, 1).get_by_label("Show the lines of lane 1 again").click()
        wait_for(page, lambda: said(page, 1)[: len(before)] == before, "its lines to come back")
        keys = page.locator("#rows .row").evaluate_all("rows => rows.map(row => Number(row.dataset.key))")
        assert keys == sorted(keys)


def test_the_transcript_shows_all_lanes_or_those_chosen(site):
    with site.visitor() as page:
        page.click("#go")
        page.wait_for_selector(STOP)
        expect(page.locator("#transcript-filter button")).to_have_count(0)
        for wish in ("Second", "Third"):
            ask(page, wish)
            expect(page.locator("#rows .row", has_text=f"Heard: {wish}")).to_be_visible()
        expect(page.locator("#transcript-filter button")).to_have_text(["All", "1", "2", "3"])
        page.click("#transcript-filter [data-lane='2']")
        expect(page.locator("#rows .row[data-lane='1']:visible")).to_have_count(0)
        expect(page.locator("#rows .row[data-lane='2']:visible")).to_have_count(2)
        page.click("#transcript-filter [data-lane='3']")
        expect(page.locator("#rows .row[data-lane='3']:visible")).to_have_count(2)
        expect(page.locator("#rows .row[data-lane='2']:visible")).to_have_count(2)
        lines = len(said(page, 1)) or page.locator(".row.response[data-lane='1']").count()
        wait_for(
            page,
            lambda: page.locator(".row.response[data-lane='1']").count() > lines,
            "one more line of a lane that is not shown",
        )
        expect(page.locator("#rows .row[data-lane='1']:visible")).to_have_count(0)
        page.click("#transcript-filter [data-lane='0']")
        assert len(said(page, 1)) > lines


def test_a_second_is_looked_at_by_pointer_and_by_keys_and_the_player_jumps_there(site):
    with site.visitor() as page:
        page.click("#go")
        said_at = wait_for(
            page,
            lambda: (
                len(
                    spoken := page.locator(".row.response").evaluate_all(
                        "rows => rows.map(row => Number(row.dataset.second))"
                    )
                )
                >= 3
                and spoken
            ),
            "three responses",
        )
        page.locator("#player").evaluate("player => player.pause()")
        expect(page.locator("#state")).to_contain_text("paused")
        strip, tip = lane(page, 1).locator(".strip"), page.locator("#tip")
        expect(page.locator("#scale option:checked")).to_have_text("all")
        second_px = strip.evaluate("strip => strip.clientWidth") / page.locator("#player").evaluate(
            "player => Math.ceil(player.duration)"
        )
        strip.hover(position={"x": (said_at[1] + 0.5) * second_px, "y": 20})
        expect(tip).to_have_text(f"0:0{said_at[1]} · respondssilent 5 % · stands by 15 % · responds 80 %")
        strip.click(position={"x": (said_at[1] + 0.5) * second_px, "y": 20})
        wait_for(page, lambda: position(page) == said_at[1], "the player to jump")
        page.locator(f".row.response[data-second='{said_at[2]}'] p").click()
        wait_for(page, lambda: position(page) == said_at[2], "the player to jump to the line")
        strip.focus()
        page.keyboard.press("Home")
        for key in ("ArrowRight",) * (said_at[1] + 1) + ("ArrowLeft",):
            page.keyboard.press(key)
        expect(strip).to_have_attribute("aria-valuenow", str(said_at[1]))
        expect(strip).to_have_attribute(
            "aria-valuetext", f"0:0{said_at[1]} · responds, silent 5 % · stands by 15 % · responds 80 %"
        )
        page.keyboard.press("Enter")
        wait_for(page, lambda: position(page) == said_at[1], "the player to jump by key")
        assert drawn(page, ".strip .mark") == drawn(page, ".strip path.response") >= 3
        lines = [
            lane(page, 1).locator(f".trace > svg path.{state}").get_attribute("d").count("L")
            for state in ("silence", "standby", "response")
        ]
        assert lines[0] >= 3 and len(set(lines)) == 1
        page.select_option("#scale", "10")
        assert len(page.locator("#axis span").all()) >= 3


def test_hours_are_drawn_in_few_cells_and_every_scale_shows_its_stretch(site, tmp_path):
    journal = Journal(tmp_path / "long.jsonl", source="camera", model="lamp", fps=1)
    journal.write(Asked(0, 1, "Watch the night."))
    for second in range(3 * HOUR_S):
        state = State.RESPONSE if second % 600 == 100 else State.SILENCE
        journal.write(
            Decided(
                second,
                1,
                state,
                "Now." if state is State.RESPONSE else "",
                (0.1, 0.1, 0.8) if state is State.RESPONSE else (0.8, 0.1, 0.1),
                1.0,
            )
        )
    journal.write(Ended(3 * HOUR_S, "Stopped."))
    journal.close()
    with site.visitor() as page:
        choose(page, "webcam")
        session_id = page.evaluate("JSON.parse(window.streamo.report()).id")
        site.visitors.find(session_id).session.reopen(journal.path)
        expect(page.locator("#state")).to_contain_text("2:59:59")
        shown = {}
        for scale in ("60", "300", "1800", "7200", "0"):
            page.select_option("#scale", scale)
            shown[scale] = cells(page)
        assert shown["60"] == 60 and all(count <= 200 for count in shown.values())
        assert drawn(page, ".strip .mark") == 18, "every response of three hours has its mark"
        expect(page.locator("#axis span").first).to_have_text("0:00")
        page.select_option("#scale", "10")
        page.locator(".row.response").first.click()
        expect(page.locator("#tip")).to_contain_text("responds")
        expect(page.locator("#to-now")).to_be_visible()
        page.click("#to-now")
        expect(page.locator("#axis span").first).to_have_text("2:59:50")


def test_two_visitors_never_mix(site):
    with site.visitor() as one, site.visitor() as other:
        for page, wish in ((one, "Only mine"), (other, "Not yours")):
            choose(page, "webcam")
            ask(page, wish)
            ask(page, f"{wish}, too")
            page.click("#go")
        for page, wish in ((one, "Only mine"), (other, "Not yours")):
            expect(page.locator("#rows")).to_contain_text(f"Heard: {wish}, too")
            page.locator(".lane.chosen .follow").click()
            page.locator(".lane.chosen .follow-form input").fill(f"{wish}, shorter")
            page.keyboard.press("Enter")
            expect(page.locator("#rows")).to_contain_text(f"Heard: {wish}, shorter")
        lane(one, 1).get_by_label("Mute lane 1").click()
        lane(one, 2).get_by_label("How readily lane 2 speaks").press("End")
        expect(one.locator("#rows .row[data-lane='1']")).to_have_count(0)
        wait_for(one, lambda: site.model.talked.get("Only mine, shorter") == 3.0, "the model to be told of the one")
        ticks(other, 4)
        assert site.model.talked["Not yours, shorter"] == 0.0
        expect(other.locator("#rows .row[data-lane='1']", has_text="Heard: Not yours")).to_be_visible()
        expect(lane(other, 2).locator(".talk-words")).to_have_text("as trained")
        for page, foreign in ((one, "Not yours"), (other, "Only mine")):
            wait_for(page, lambda page=page: cells(page) >= 3, "three decided seconds each")
            expect(page.locator("body")).not_to_contain_text(foreign)


def test_suggestions_fit_the_source(site):
    with site.visitor(width=390) as page:
        expect(page.locator("#chips")).to_contain_text("Notify me when a red car appears.")
        choose(page, "webcam")
        expect(page.locator("#chips")).to_contain_text("Tell me when I raise my hand.")
        assert not too_wide(page)
