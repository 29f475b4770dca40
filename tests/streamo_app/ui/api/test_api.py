"""The page for programs, over real HTTP: decisions streamed by `gradio_client`, the MCP tool by `mcp`'s own client, and
what neither may do.

Run: python -m pytest tests/streamo_app/ui/api/test_api.py
"""

import asyncio
import base64
import json
import socket
import time
from contextlib import contextmanager

import httpx
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AuthenticationError

from streamo_app.config import AppConfig
from streamo_app.models.engine import Engine
from streamo_app.protocol import NARRATE
from streamo_app.ui.api.watch import LONGEST_S, read_instructions
from streamo_app.ui.serve import serve
from streamo_app.ui.visitor.samples import CLIPS_DIR, load_clips
from streamo_app.ui.visitor.visitors import Visitors
from tests.support.live import LiveModel

pytestmark = pytest.mark.slow

CLIP = CLIPS_DIR / "midday.webm"
SECONDS = 36
FILE = {"_type": "gradio.FileData"}
SEND_IT = "Send the video itself"


def script(second, instructions):
    return f"{instructions[0]} {second}" if second % 10 == 3 else "" if second % 10 == 2 else None


@contextmanager
def running(model=None, **config):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        settings = AppConfig(port=probe.getsockname()[1], **config)
    engine = Engine(model or LiveModel(script)).start()
    visitors = Visitors(engine, settings, load_clips())
    blocks, url = serve(visitors, settings)
    try:
        yield url, visitors
    finally:
        visitors.stop()
        blocks.close(verbose=False)
        engine.stop()


@pytest.fixture(scope="module")
def site():
    with running(seats=2) as (url, visitors):
        yield url, visitors, Client(url, verbose=False)


def raw(url: str, sent: object) -> str:
    """What the endpoint answers to a caller that keeps no rule."""
    event = httpx.post(f"{url}/gradio_api/call/watch", json={"data": [sent, ""]}).json()["event_id"]
    return httpx.get(f"{url}/gradio_api/call/watch/{event}", timeout=60).text


def until(happened, what: str) -> None:
    deadline = time.monotonic() + 20
    while not happened():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def test_decisions_are_streamed_in_the_shape_of_jsonl_as_they_are_made(site):
    _, visitors, client = site
    job = client.submit(handle_file(CLIP), "Count cars.\n\n30: Any dogs?\n", api_name="/watch")
    got = list(job)
    assert got[3] == {
        "second": 3, "lane": 1, "instruction": "Count cars.", "state": "response", "text": "Count cars. 3",
        "p": {"silence": 0.05, "standby": 0.05, "response": 0.9}, "ms": got[3]["ms"], "skipped": 0,
    }  # fmt: skip
    assert [(one["second"], one["lane"]) for one in got if one["lane"] == 1] == [
        (second, 1) for second in range(SECONDS)
    ]
    assert [one["second"] for one in got if one["lane"] == 2] == list(range(30, SECONDS))
    assert got[2]["state"] == "standby" and got[0]["state"] == "silence"
    until(lambda: len(visitors.sessions) == 0, "the call to give its seat back")


def test_it_is_documented_and_nothing_else_of_the_page_is(site):
    url, _, _ = site
    info = httpx.get(f"{url}/gradio_api/info").json()
    assert list(info["named_endpoints"]) == ["/watch"] and info["unnamed_endpoints"] == {}
    watch = info["named_endpoints"]["/watch"]
    assert [one["parameter_name"] for one in watch["parameters"]] == [
        "video",
        "instructions",
    ] and "second by second" in watch["description"]


def test_without_instructions_it_narrates_and_bad_ones_are_one_sentence(site):
    _, _, client = site
    assert {one["instruction"] for one in client.submit(handle_file(CLIP), "", api_name="/watch")} == {NARRATE}
    for instructions, sentence in (
        ("x" * 5000, "at most 4000"),
        ("\n".join(f"Wish {n}" for n in range(9)), "8 instructions at a time"),
        ("5:", "empty"),
    ):
        with pytest.raises(Exception, match=sentence):
            client.predict(handle_file(CLIP), instructions, api_name="/watch")
    with pytest.raises(ValueError, match="not text, or too long"):
        read_instructions("x" * 100_000, 8)
    with pytest.raises(ValueError, match="not text"):
        read_instructions(["a list"], 8)


def test_what_is_no_video_is_one_sentence_without_our_folders(site, tmp_path):
    _, visitors, client = site
    (tmp_path / "holiday.mp4").write_text("this is no video\n" * 100)
    with pytest.raises(Exception, match=r"^'holiday\.mp4' is not a readable video"):
        client.predict(handle_file(tmp_path / "holiday.mp4"), "", api_name="/watch")
    with pytest.raises(Exception, match=r"No video was sent\."):
        client.predict(None, "", api_name="/watch")
    assert len(visitors.sessions) == 0


def test_a_video_that_is_too_long_is_refused(site, tmp_path, monkeypatch):
    from streamo_app.ui.api import watch as programs

    assert LONGEST_S == 3600
    monkeypatch.setattr(programs, "LONGEST_S", 30)
    _, _, client = site
    with pytest.raises(Exception, match=r"The video is 00:36 long; one call watches at most 00:30\."):
        client.predict(handle_file(CLIP), "", api_name="/watch")


def test_a_server_path_or_an_address_is_never_opened(site):
    url, _, _ = site
    secret = str(CLIP)  # readable, a video, and not uploaded
    sent = httpx.post(f"{url}/gradio_api/upload", files={"files": CLIP.open("rb")}).json()[0]
    assert '"second": 35' in raw(url, {"path": sent, "meta": FILE})
    assert '"second": 35' in raw(url, {"path": f"{url}/gradio_api/file={sent}", "meta": FILE})
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    listener.settimeout(0.2)
    here = f"http://127.0.0.1:{listener.getsockname()[1]}/clip.webm"
    for bad in (
        secret,
        here,
        {"path": secret, "meta": FILE},
        {"path": here, "meta": FILE},
        {"path": here, "is_stream": True, "meta": FILE},
        {"path": f"file://{secret}", "meta": FILE},
        {"path": secret, "is_stream": True, "meta": FILE},
        {"path": f"{url}/gradio_api/file={secret}", "meta": FILE},
        {"path": f"{sent}/../../../../{secret}", "meta": FILE},
        {"path": sent, "url": here, "meta": {"_type": "other"}},
        {"path": f"{url}/gradio_api/file={sent}/../../../..{secret}", "meta": FILE},
    ):
        answer = raw(url, bad)
        assert "event: error" in answer and "second" not in answer, bad
    with pytest.raises(TimeoutError):
        listener.accept()
    listener.close()


def test_a_call_takes_a_seat_and_gives_it_back_when_it_is_cancelled():
    model = LiveModel(script)
    reached, release = model.hold(5)
    with running(model, seats=1) as (url, visitors):
        client = Client(url, verbose=False)
        job = client.submit(handle_file(CLIP), "", api_name="/watch")
        assert reached.wait(20) and len(visitors.sessions) == 1
        with pytest.raises(Exception, match=r"seats? (are|is) taken"):
            client.predict(handle_file(CLIP), "", api_name="/watch")
        job.cancel()
        release.set()
        until(lambda: len(visitors.sessions) == 0, "the seat of a cancelled call")
        until(lambda: model.open_lanes == 0, "its lanes to go")


def test_the_password_of_the_page_is_asked_of_programs_too():
    with running(auth=("ana", "secret"), mcp=True) as (url, _):
        with pytest.raises(AuthenticationError):
            Client(url, verbose=False)
        for path in ("info", "call/watch", "upload"):
            answer = (
                httpx.get(f"{url}/gradio_api/{path}")
                if path == "info"
                else httpx.post(f"{url}/gradio_api/{path}", json={"data": [None, ""]})
            )
            assert answer.status_code == 401, path
        assert (
            len(
                list(
                    Client(url, auth=("ana", "secret"), verbose=False).submit(handle_file(CLIP), "", api_name="/watch")
                )
            )
            == SECONDS
        )
        wrong = base64.b64encode(b"ana:wrong").decode()
        for path in ("mcp/", "mcp", "mcp/schema", "mcp/sse"):
            for headers in ({}, {"Authorization": f"Basic {wrong}"}):
                assert (
                    httpx.get(f"{url}/gradio_api/{path}", headers=headers, follow_redirects=True).status_code == 401
                ), path
        right = {"Authorization": f"Basic {base64.b64encode(b'ana:secret').decode()}"}
        found = call_tool(url, headers=right, video=data_url(), instructions="Count cars.")
        assert [one["second"] for one in json.loads(found)] == [3, 13, 23, 33]


def data_url() -> str:
    return "data:video/webm;base64," + base64.b64encode(CLIP.read_bytes()).decode()


def call_tool(url: str, headers: dict | None = None, **arguments) -> str:
    """Text of what the tool returns to a real MCP client; raises RuntimeError for an error."""
    mcp = pytest.importorskip("mcp")
    from mcp.client.streamable_http import streamablehttp_client

    async def call():
        async with (
            streamablehttp_client(f"{url}/gradio_api/mcp/", headers=headers) as (read, write, _),
            mcp.ClientSession(read, write) as session,
        ):
            await session.initialize()
            tools = (await session.list_tools()).tools
            assert [tool.name for tool in tools] == ["watch_video"]
            assert tools[0].inputSchema["required"] == ["video"]
            return await session.call_tool("watch_video", arguments)

    answer = asyncio.run(call())
    if answer.isError:
        raise RuntimeError(answer.content[0].text)
    return answer.content[0].text


def test_an_mcp_client_watches_a_video_and_learns_what_is_wrong():
    with running(mcp=True) as (url, visitors):
        assert [one["text"] for one in json.loads(call_tool(url, video=data_url(), instructions="Go"))] == [
            "Go 3",
            "Go 13",
            "Go 23",
            "Go 33",
        ]
        every = json.loads(call_tool(url, video=data_url(), instructions="Go", only_responses=False))
        assert [one["second"] for one in every] == list(range(SECONDS)) and every[2]["state"] == "standby"
        sent = httpx.post(f"{url}/gradio_api/upload", files={"files": CLIP.open("rb")}).json()[0]
        assert len(json.loads(call_tool(url, video=f"{url}/gradio_api/file={sent}"))) == 4
        for video in ("http://169.254.169.254/latest", f"{url}/gradio_api/file=/etc/passwd"):
            with pytest.raises(RuntimeError, match=SEND_IT):
                call_tool(url, video=video)
        with pytest.raises(RuntimeError, match="provide a url"):
            call_tool(url, video="/etc/passwd")
        assert len(visitors.sessions) == 0


def test_without_the_flag_there_is_no_mcp(site):
    url, _, _ = site
    assert (
        httpx.post(f"{url}/gradio_api/mcp/", json={"jsonrpc": "2.0", "id": 1, "method": "tools/list"}).status_code
        == 404
    )
