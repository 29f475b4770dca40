"""The page's voice in a real browser: a microphone that beeps (Chromium's own), a real tiny Whisper, and reading aloud.

Debian's Chromium has no voices, and no test hears: what reaches `speechSynthesis.speak` is written down instead.

    python -m pytest tests/browser/test_voice.py
"""

import pytest
from playwright.sync_api import expect

from streamo_app.audio.recognizer import Speech
from streamo_app.models.interface import Step
from streamo_app.protocol import NARRATE, State
from tests.support.browser import STOP, ask, cells, running_site, wait_for
from tests.support.fakecam import street, write_camera
from tests.support.lamp_model import SPEAKING, LampModel
from tests.support.tiny_speech import write_whisper

pytestmark = pytest.mark.browser

MOUTH = """
window.said = []; window.cut = 0; window.hold = false;
speechSynthesis.getVoices = () => [{ name: "test" }];
speechSynthesis.speak = (words) => {
  said.push([words.text, words.rate]);
  window.now = words;
  if (!window.hold) setTimeout(() => words.onend({}), 20);
};
speechSynthesis.cancel = () => { window.cut += 1; };
null;
"""


class Chatter(LampModel):
    """Has something to say every second."""

    def turn(self, lane, second, colour, instructions=(), talkativeness=0.0):
        if (instructions[-1] if instructions else lane.wish) != NARRATE:
            yield from super().turn(lane, second, colour, instructions)
            return
        lane.wish = NARRATE
        yield Step(State.RESPONSE, SPEAKING, f"Second {second}.", done=True)


def spoken_second(text: str) -> int:
    return int(text.split()[1].rstrip("."))


@pytest.fixture(scope="module")
def site(chromium, tmp_path_factory):
    folder = tmp_path_factory.mktemp("voice")
    clip = street()
    with running_site(
        Chatter(clip),
        write_camera(folder / "street.y4m", clip),
        chromium,
        speech=str(write_whisper(folder / "whisper")),
    ) as running:
        yield running


def said(page) -> list[str]:
    return [text for text, _ in page.evaluate("said")]


def test_a_spoken_instruction_lands_in_the_box_and_is_asked_only_when_its_user_says_so(site):
    with site.visitor() as page:
        page.click("#mic")
        expect(page.locator("#mic")).to_have_attribute("aria-pressed", "true")
        expect(page.locator("#mic-says")).to_contain_text("Listening")
        page.wait_for_timeout(2500)  # a beep a second: something must be in the recording
        page.click("#mic")
        wait_for(page, lambda: page.input_value("#ask-text").isalpha(), "words in the box")
        expect(page.locator("#ask-text")).to_be_focused()
        expect(page.locator("#mic-says")).to_contain_text("then press Add")
        expect(page.locator("#lanes .lane")).to_have_count(0)
        words = page.input_value("#ask-text")
        page.press("#ask-text", "Enter")
        expect(page.locator("#lanes .lane p")).to_have_text([words])
        expect(page.locator("#mic-says")).to_be_hidden()


def test_a_recording_is_thrown_away_with_escape_and_a_model_that_cannot_be_fetched_is_reported(site):
    with site.visitor() as page:
        page.click("#mic")
        expect(page.locator("#mic-says")).to_contain_text("Listening")
        page.keyboard.press("Escape")
        expect(page.locator("#mic-says")).to_be_hidden()
        visitor = site.visitors.find(page.evaluate("sessionStorage.getItem('streamo')"))
        visitor.voice._speech = Speech("openai/whisper-tiny-that-nobody-has")
        page.click("#mic")
        page.wait_for_timeout(2500)
        page.click("#mic")
        expect(page.locator("#message")).to_contain_text("could not be downloaded from huggingface.co; type instead.")
        expect(page.locator("#mic")).to_be_enabled()


def test_over_plain_http_from_elsewhere_the_microphone_says_what_would_help(site):
    with site.visitor(host="elsewhere.test") as page:
        page.click("#mic")
        expect(page.locator("#message")).to_contain_text("--ssl-self-signed")


def test_a_browser_without_voices_says_so(site):
    with site.visitor() as page:
        ask(page, NARRATE)
        page.click(f"[aria-label='Read aloud: {NARRATE}']")
        expect(page.locator("#message")).to_contain_text("This browser has no voices")
        expect(page.locator(f"[aria-label='Read aloud: {NARRATE}']")).to_have_attribute("aria-pressed", "false")


def test_new_responses_of_a_chosen_lane_are_read_aloud_once_and_stop_is_at_once(site):
    with site.visitor() as page:
        page.evaluate(MOUTH)
        ask(page, NARRATE)
        ask(page, "Not to be read.")
        expect(page.locator("#lanes .lane")).to_have_count(2)
        expect(page.locator("#aloud-stop")).to_be_hidden()
        page.click(f"[aria-label='Read aloud: {NARRATE}']")
        page.select_option("#aloud-rate", "1.5")
        page.click("#go")
        wait_for(page, lambda: len(said(page)) >= 2, "two responses read aloud")
        assert said(page)[:2] == ["Second 0.", "Second 1."] and page.evaluate("said[0][1]") == 1.5
        page.evaluate("window.hold = true")
        wait_for(page, lambda: len(said(page)) >= 3, "one more")
        expect(page.locator("#aloud-stop")).to_be_enabled()
        page.click("#aloud-stop")
        assert page.evaluate("cut") == 1
        expect(page.locator("#aloud-stop")).to_be_disabled()
        # held, the queue keeps the newest three; switched off, nothing more is said
        wait_for(page, lambda: len(said(page)) >= 4, "one more that does not end")
        held = spoken_second(said(page)[-1])
        wait_for(
            page, lambda: page.locator(f".row.response[data-second='{held + 5}']").count(), "more than are kept waiting"
        )
        spoken = len(said(page))
        page.evaluate("window.hold = false; now.onend({})")
        wait_for(page, lambda: len(said(page)) >= spoken + 3, "the waiting ones")
        assert spoken_second(said(page)[spoken]) > spoken_second(said(page)[spoken - 1]) + 1
        page.click(f"[aria-label='Read aloud: {NARRATE}']")
        spoken, shown = len(said(page)), page.locator(".row.response").count()
        wait_for(page, lambda: page.locator(".row.response").count() > shown + 1, "responses that nobody reads")
        assert len(said(page)) == spoken and "Heard: Not to be read." not in said(page)


def test_a_reload_remembers_what_is_read_aloud_and_says_nothing_twice(site):
    with site.visitor() as page:
        page.add_init_script(MOUTH)
        page.reload()
        page.wait_for_selector("#go:enabled")
        ask(page, NARRATE)
        page.click(f"[aria-label='Read aloud: {NARRATE}']")
        page.select_option("#aloud-rate", "2")
        page.click("#go")
        wait_for(page, lambda: len(said(page)) >= 2, "two responses read aloud")
        before = cells(page)
        page.reload()
        page.wait_for_selector(STOP)
        expect(page.locator(f"[aria-label='Read aloud: {NARRATE}']")).to_have_attribute("aria-pressed", "true")
        expect(page.locator("#aloud-rate")).to_have_value("2")
        wait_for(page, lambda: said(page), "a new response")
        assert spoken_second(said(page)[0]) >= before


def test_the_chime_says_what_is_missing_where_there_is_no_portaudio(site, monkeypatch):
    from streamo_app.audio import chime as sound

    def refuse(*_):
        raise sound.SoundError(
            "Sound needs PortAudio, which is not installed; run apt install libportaudio2, or leave the chime off."
        )

    monkeypatch.setattr(sound, "open_device", refuse)
    with site.visitor() as page:
        ask(page, NARRATE)
        page.click("#settings-open")
        page.click("#chime")  # not check(): the refusal may take the tick back before check() has looked
        expect(page.locator("#message")).to_contain_text("apt install libportaudio2")
        expect(page.locator("#chime")).not_to_be_checked()
