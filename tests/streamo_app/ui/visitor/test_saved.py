"""Whose session and whose journals a request reaches, without a browser: owners, forged names, a Space.

python -m pytest tests/streamo_app/ui/visitor/test_saved.py
"""

import pytest

from streamo_app.config import AppConfig
from streamo_app.models.engine import Engine
from streamo_app.ui.visitor.messages import PageState
from streamo_app.ui.visitor.samples import load_clips
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
def start_server(engine, tmp_path):
    """Makes servers that share one folder of journals, as one after another does, and stops them after the test."""
    made = []

    def make(**options) -> Visitors:
        made.append(Visitors(engine, AppConfig(seats=4, journal_dir=tmp_path / "journals", **options), load_clips()))
        return made[-1]

    yield make
    for visitors in made:
        visitors.stop()


def watched(visitor, text: str = "Hello."):
    """A visitor whose run of a sample clip is over, with something said."""
    visitor.handle({"do": "start", "choice": "samples", "clip": "midday", "how": "decode", "text": text}, PageState())
    for _ in range(WAIT_S * 10):
        if visitor.session.snapshot().decided:
            break
        visitor.session.wait(0.1)
    visitor.handle({"do": "stop"}, PageState())
    return visitor


def test_a_session_leads_back_to_its_own_owner_only(start_server):
    visitors = start_server()
    mine = visitors.open_tab("", "page", MINE)
    assert (
        visitors.open_tab(mine.session.id, "other page", MINE) is mine
        and visitors.tab_of_owner(mine.session.id, MINE) is mine
    )
    for owner in (THEIRS, "", "m" * 31):
        assert (
            visitors.open_tab(mine.session.id, None, owner) is not mine
            and visitors.tab_of_owner(mine.session.id, owner) is None
        )
    assert visitors.tab_of_owner(None, MINE) is None and visitors.tab_of_owner(mine.session.id, ["m"]) is None


def test_a_server_started_again_gives_a_page_its_transcript_back_and_nobody_elses(start_server):
    id = watched(start_server().open_tab("", "page", MINE)).session.id
    after = start_server()
    theirs = after.open_tab(id, "page", THEIRS)
    assert theirs.session.id != id and theirs.view(PageState())["rows"] == []
    view = after.open_tab(id, "page 2", MINE).view(PageState())
    assert view["id"] == id and "Heard: Hello." in [row["text"] for row in view["rows"]]
    assert (view["status"], view["choice"], view["clip"], view["show"]) == ("ended", "samples", "midday", "player")
    assert view["keep"]["film"] == "" and view["keep"]["boot"] == after.shared.boot


def test_a_journal_that_cannot_be_read_back_is_one_sentence_and_a_new_session(start_server):
    visitor = watched(start_server().open_tab("", None, MINE))
    path = visitor.session.journal_path
    path.write_text("no journal\n")
    view = start_server().open_tab(visitor.session.id, None, MINE).view(PageState())
    assert (
        view["id"] != visitor.session.id
        and view["message"].startswith("Your previous session could not be restored.")
        and str(path.parent) not in view["message"]
    )


def test_the_list_is_sent_once_and_again_after_a_change(start_server):
    visitor = watched(start_server().open_tab("", None, MINE))
    assert visitor.view(PageState())["keep"]["past"] is None
    view = visitor.handle({"do": "past"}, PageState())["keep"]
    assert [(one["source"], one["instruction"]) for one in view["past"]] == [("midday.webm", "Hello.")]
    assert (
        visitor.view(PageState(past=view["list"]))["keep"]["past"] is None
        and visitor.view(PageState())["keep"]["past"] == view["past"]
    )
    assert (
        visitor.handle({"do": "delete", "name": view["past"][0]["name"]}, PageState(past=view["list"]))["keep"]["past"]
        == []
    )


@pytest.mark.parametrize("action", ["reopen", "delete"])
def test_names_of_other_peoples_sessions_and_made_up_ones_lead_nowhere(start_server, action):
    visitors = start_server()
    theirs, mine = watched(visitors.open_tab("", None, THEIRS)), visitors.open_tab("", None, MINE)
    path = theirs.session.journal_path
    for name in (path.stem, str(path), f"../{path.parent.name}/{path.stem}", "../../etc/passwd", "", None, 7, {"x": 1}):
        view = mine.handle({"do": action, "name": name}, PageState())
        assert view["message"] == "This session no longer exists; open the list again." and view["rows"] == []
    assert path.exists()


def test_on_a_space_there_is_no_past_and_nothing_stays(start_server, tmp_path):
    visitors = start_server(keep_journals=False)
    visitor = watched(visitors.open_tab("", None, MINE))
    view = visitor.handle({"do": "past"}, PageState())
    assert (
        not view["keep"]["lasting"]
        and view["message"] == "This server keeps no sessions; save the transcript before you leave."
    )
    assert visitor.saved.export("md").startswith("# midday.webm")
    visitors.sessions.end(visitor.session.id)
    assert not list((tmp_path / "journals").iterdir())


def test_a_video_is_refused_before_anything_was_watched_while_it_runs_and_twice(start_server):
    visitors = start_server()
    visitor = visitors.open_tab("", None, MINE)
    assert visitor.handle({"do": "captions"}, PageState())["message"] == "Nothing has been watched yet."
    visitor.handle({"do": "start", "choice": "samples", "clip": "midday", "how": "decode"}, PageState())
    assert visitor.handle({"do": "captions"}, PageState())["message"] == "Stop first; then the video can be made."
    watched(visitor)
    with visitors.shared.video_slot:
        assert visitor.handle({"do": "captions"}, PageState())["message"] == ""
        assert visitor.handle({"do": "captions"}, PageState())["message"] == "The video is already being made."
        assert visitor.handle({"do": "no captions"}, PageState())["keep"]["job"] is None
    with pytest.raises(ValueError, match="not ready"):
        visitor.saved.caption_video.file()
