"""The page for programs: a Gradio endpoint that streams decisions, and the same as an MCP tool where `--mcp` says so.

    from gradio_client import Client, handle_file
    job = Client("http://127.0.0.1:7860").submit(handle_file("clip.webm"), "Notify me when the light turns green.",
    api_name="/watch")
    for decision in job: ...                                     # {"second": 3, "lane": 1, "state": "response", "text":
    ..., ...}

What is watched is a file that was sent, never a path or an address: a program elsewhere must not read this machine's
files or its network.
"""

import json
import logging
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from urllib.parse import unquote

import gradio as gr

from streamo_app.ui.api.watch import decisions
from streamo_app.ui.visitor.visitor import UNEXPECTED
from streamo_app.ui.visitor.visitors import Visitors

SEND_IT = "Send the video itself: upload it to this server first (gradio_client's handle_file does); it fetches nothing from addresses."
OWN_FILE = "/gradio_api/file="
WATCH = (
    "Watch a video second by second. Streams one object per second and instruction: "
    '{"second", "lane", "instruction", "state": "silence" | "standby" | "response", "text", "p": {"silence", "standby", "response"}, "ms", "skipped"}.'
)

log = logging.getLogger(__name__)


class SentFile(gr.FileData):
    """What a caller says of a file."""

    @classmethod
    def model_validate(cls, sent, **options):
        # a path or an address as mere text; and Gradio looks at no path that is said to be a stream's
        if not isinstance(sent, dict) or sent.get("is_stream"):
            raise gr.Error(SEND_IT, print_exception=False)
        return super().model_validate(sent, **options)


class OwnFile(gr.File):
    """gr.File of what was uploaded to this server. Gradio itself would fetch any public address, of any size, into
    memory."""

    is_template = True

    async def async_move_resource_to_block_cache(self, sent):
        return await super().async_move_resource_to_block_cache(here(sent, self.GRADIO_CACHE))


class OwnVideo(gr.Video):
    """gr.Video of what was uploaded to this server, as `OwnFile`."""

    is_template = True
    data_model = SentFile

    async def async_move_resource_to_block_cache(self, sent):
        return await super().async_move_resource_to_block_cache(here(sent, self.GRADIO_CACHE))


def here(sent: object, cache: str) -> object:
    """A path as it is (Gradio checks that it was uploaded); an address only when it is that of an uploaded file on this
    server, as that file: such addresses are what MCP clients are handed after an upload. Raises gr.Error for every
    other one."""
    address = str(sent or "")
    return uploaded_file(address, Path(cache)) if address.lower().startswith(("http://", "https://")) else sent


def uploaded_file(address: str, cache: Path) -> str:
    """The uploaded file that an address names, whatever host it gives. Raises gr.Error where it names none."""
    _, own, path = address.partition(OWN_FILE)
    file = Path(unquote(path.partition("?")[0])).resolve()
    if not own or not file.is_relative_to(cache.resolve()) or not file.is_file():
        raise gr.Error(SEND_IT, print_exception=False)
    return str(file)


def endpoints(desks: Visitors) -> None:
    """Called while the Blocks are being built. The components are never drawn; they say what the endpoint takes and
    gives."""
    video = OwnVideo(visible=False, label="Video", sources=["upload"])
    instructions = gr.Textbox(
        "", visible=False, label="Instructions, one [SECOND:]TEXT a line; none narrates", max_lines=8
    )
    made = gr.JSON(visible=False, label="Decision")

    async def watch(video: str | None, instructions: str = "") -> AsyncIterator[dict]:
        async for made in told(desks, video, instructions):
            yield made

    watch._mcp_type = "stream"  # an MCP client would get the last object only; it is offered the tool below instead
    gr.Button(visible=False).click(
        watch,
        [video, instructions],
        made,
        api_name="watch",
        api_description=WATCH,
        concurrency_limit=None,
        show_progress="hidden",
    )
    if desks.config.mcp:
        tool(desks, video, instructions)


def tool(desks: Visitors, video: gr.Video, instructions: gr.Textbox) -> None:
    async def watch_video(video: str | None, instructions: str = "", only_responses: bool = True) -> str:
        """Watch a video second by second and tell what there was to say, as a JSON list.

        Args:
            video: A video of at most one hour: the address that it has after an upload to this server, or a data: URL.
            instructions: What to watch for, one "[SECOND:]TEXT" a line, for example "Notify me when the light turns
            green."; none narrates.
            only_responses: Leave out the seconds in which there was nothing to say.
        """
        found = [
            made async for made in told(desks, video, instructions) if made["state"] == "response" or not only_responses
        ]
        return json.dumps(found, ensure_ascii=False)

    only_responses = gr.Checkbox(True, visible=False, label="Only responses")
    found = gr.Textbox(visible=False, label="Decisions")  # MCP would show a gr.JSON as Python prints it
    # Not queued: Gradio would call itself over HTTP for a queued tool, past the certificate and the password that it
    # asks of others.
    gr.Button(visible=False).click(
        watch_video,
        [video, instructions, only_responses],
        found,
        api_name="watch_video",
        queue=False,
        show_progress="hidden",
    )


async def told(desks: Visitors, video: str | None, instructions: object) -> AsyncIterator[dict]:
    """`decisions`, with whatever goes wrong as one sentence that Gradio hands to the caller."""
    try:
        if not video:
            raise ValueError("A video is missing.")
        async with aclosing(decisions(desks, Path(video), instructions)) as all_made:
            async for made in all_made:
                yield made
    except ValueError as problem:
        # where this machine keeps an upload is nobody's business
        raise gr.Error(str(problem).replace(str(video), Path(video or "").name), print_exception=False) from None
    except Exception:
        log.exception("watching for a program failed")
        raise gr.Error(UNEXPECTED, print_exception=False) from None
