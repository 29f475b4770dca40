"""Whose session and whose journals a request reaches, without a browser: owners, forged names, a Space.

python -m pytest tests/streamo_app/ui/visitor/test_saved.py
"""

import pytest

from streamo_app.config import AppConfig
from streamo_app.models.engine import Engine
from streamo_app.ui.visitor.samples import load_clips
from streamo_app.ui.visitor.visitor import PageState
from streamo_app.ui.visitor.visitors import Visitors
from tests.support.fakecam import street
from tests.support.lamp_model import LampModel

MINE, THEIRS = "m" * 32, "t" * 32
WAIT_S = 20


@pytest.fixture(scope="module")
def engine():
    running = Engine(LampModel(street())).start()
    yield running
    running.stop()


@pytest.fixture
def house(engine, tmp_path):
    """Makes servers that share one folder of journals, as one after another does, and stops them after the test."""
    made = []

    def make(**options) -> Visitors:
        made.append(Visitors(engine, AppConfig(seats=4, journal_dir=tmp_path / "journals", **options), load_clips()))
        return made[-1]

    yield make
    for desks in made:
        desks.stop()


def watched(desk, text: str = "Hello."):
    """A desk whose run of a sample clip is over, with something said."""
    desk.act({"do": "start", "choice": "samples", "clip": "midday", "how": "decode", "text": text}, PageState())
    for _ in range(WAIT_S * 10):
        if desk.session.snapshot().decided:
            break
        desk.session.wait(0.1)
    desk.act({"do": "stop"}, PageState())
    return desk


def test_a_session_leads_back_to_its_own_owner_only(house):
    desks = house()
    mine = desks.sit("", "page", MINE)
    assert desks.sit(mine.session.id, "other page", MINE) is mine and desks.own(mine.session.id, MINE) is mine
    for owner in (THEIRS, "", "m" * 31):
        assert desks.sit(mine.session.id, None, owner) is not mine and desks.own(mine.session.id, owner) is None
    assert desks.own(None, MINE) is None and desks.own(mine.session.id, ["m"]) is None


def test_a_server_started_again_gives_a_page_its_transcript_back_and_nobody_elses(house):
    id = watched(house().sit("", "page", MINE)).session.id
    after = house()
    theirs = after.sit(id, "page", THEIRS)
    assert theirs.session.id != id and theirs.look(PageState())["rows"] == []
    view = after.sit(id, "page 2", MINE).look(PageState())
    assert view["id"] == id and "Heard: Hello." in [row["text"] for row in view["rows"]]
    assert (view["status"], view["choice"], view["clip"], view["show"]) == ("ended", "samples", "midday", "player")
    assert view["keep"]["film"] == "" and view["keep"]["boot"] == after.house.boot


def test_a_journal_that_cannot_be_read_back_is_one_sentence_and_a_new_session(house):
    desk = watched(house().sit("", None, MINE))
    path = desk.session.journal_path
    path.write_text("no journal\n")
    view = house().sit(desk.session.id, None, MINE).look(PageState())
    assert (
        view["id"] != desk.session.id
        and view["message"].startswith("What was here before could not be read back.")
        and str(path.parent) not in view["message"]
    )


def test_the_list_is_sent_once_and_again_after_a_change(house):
    desk = watched(house().sit("", None, MINE))
    assert desk.look(PageState())["keep"]["past"] is None
    view = desk.act({"do": "past"}, PageState())["keep"]
    assert [(one["source"], one["instruction"]) for one in view["past"]] == [("midday.webm", "Hello.")]
    assert (
        desk.look(PageState(past=view["list"]))["keep"]["past"] is None
        and desk.look(PageState())["keep"]["past"] == view["past"]
    )
    assert (
        desk.act({"do": "delete", "name": view["past"][0]["name"]}, PageState(past=view["list"]))["keep"]["past"] == []
    )


@pytest.mark.parametrize("action", ["reopen", "delete"])
def test_names_of_other_peoples_sessions_and_made_up_ones_lead_nowhere(house, action):
    desks = house()
    theirs, mine = watched(desks.sit("", None, THEIRS)), desks.sit("", None, MINE)
    path = theirs.session.journal_path
    for name in (path.stem, str(path), f"../{path.parent.name}/{path.stem}", "../../etc/passwd", "", None, 7, {"x": 1}):
        view = mine.act({"do": action, "name": name}, PageState())
        assert view["message"] == "This session no longer exists; open the list again." and view["rows"] == []
    assert path.exists()


def test_on_a_space_there_is_no_past_and_nothing_stays(house, tmp_path):
    desks = house(keep_journals=False)
    desk = watched(desks.sit("", None, MINE))
    view = desk.act({"do": "past"}, PageState())
    assert (
        not view["keep"]["lasting"]
        and view["message"] == "This server keeps no sessions; save the transcript before you leave."
    )
    assert desk.keep.export("md").startswith("# midday.webm")
    desks.sessions.end(desk.session.id)
    assert not list((tmp_path / "journals").iterdir())


def test_a_video_is_asked_for_in_vain_before_anything_was_watched_while_it_runs_and_twice(house):
    desks = house()
    desk = desks.sit("", None, MINE)
    assert desk.act({"do": "captions"}, PageState())["message"] == "Nothing was watched yet."
    desk.act({"do": "start", "choice": "samples", "clip": "midday", "how": "decode"}, PageState())
    assert desk.act({"do": "captions"}, PageState())["message"] == "Stop first; then the video can be made."
    watched(desk)
    with desks.house.turn:
        assert desk.act({"do": "captions"}, PageState())["message"] == ""
        assert desk.act({"do": "captions"}, PageState())["message"] == "The video is being made already."
        assert desk.act({"do": "no captions"}, PageState())["keep"]["job"] is None
    with pytest.raises(ValueError, match="not ready"):
        desk.keep.film.file()
