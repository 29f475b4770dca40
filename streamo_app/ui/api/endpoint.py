"""The page for programs: a Gradio endpoint that streams decisions, and with `--mcp` the same as an MCP tool.

    from gradio_client import Client, handle_file
    client = Client("http://127.0.0.1:7860")
    job = client.submit(handle_file("clip.webm"), "Notify me when the light turns green.", api_name="/watch")
    for decision in job: ...       # {"second": 3, "lane": 1, "state": "response", "text": "...", ...}

Only an uploaded file is watched, never a path or an address: a program elsewhere must not read this machine's files or
reach into its network.
"""

import json
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path

import gradio as gr

from streamo_app.ui.api.components import UploadedVideo
from streamo_app.ui.api.watch import decisions
from streamo_app.ui.visitor.visitor import UNEXPECTED
from streamo_app.ui.visitor.visitors import Visitors

WATCH = (
    "Watch a video second by second. Streams one object per second and instruction: "
    '{"second", "lane", "instruction", "state": "silence" | "standby" | "response", "text", '
    '"p": {"silence", "standby", "response"}, "ms", "skipped"}.'
)

log = logging.getLogger(__name__)


def endpoints(visitors: Visitors) -> None:
    """Called while the Blocks are being built. The components are never drawn; they declare what the endpoint takes and
    returns."""
    video = UploadedVideo(visible=False, label="Video", sources=["upload"])
    instructions = gr.Textbox(
        "", visible=False, label="Instructions, one [SECOND:]TEXT per line; without any it narrates", max_lines=8
    )
    decided = gr.JSON(visible=False, label="Decision")

    async def watch(video: str | None, instructions: str = "") -> AsyncGenerator[dict, None]:
        async for made in decisions_or_error(visitors, video, instructions):
            yield made

    # An MCP client would get only the last object of the stream, so it is offered the tool below instead.
    watch._mcp_type = "stream"  # type: ignore[attr-defined]  # Gradio reads it from the function
    gr.Button(visible=False).click(
        watch,
        [video, instructions],
        decided,
        api_name="watch",
        api_description=WATCH,
        concurrency_limit=None,
        show_progress="hidden",
    )
    if visitors.config.mcp:
        mcp_tool(visitors, video, instructions)


def mcp_tool(visitors: Visitors, video: gr.Video, instructions: gr.Textbox) -> None:
    async def watch_video(video: str | None, instructions: str = "", only_responses: bool = True) -> str:
        """Watch a video second by second and return what there was to say, as a JSON list.

        Args:
            video: A video of at most one hour: the address that it has after an upload to this server, or a data: URL.
            instructions: What to watch for, one "[SECOND:]TEXT" per line, for example "Notify me when the light turns
            green."; without any it narrates.
            only_responses: Leave out the seconds in which there was nothing to say.
        """
        found = [
            made
            async for made in decisions_or_error(visitors, video, instructions)
            if made["state"] == "response" or not only_responses
        ]
        return json.dumps(found, ensure_ascii=False)

    only_responses = gr.Checkbox(True, visible=False, label="Only responses")
    found = gr.Textbox(visible=False, label="Decisions")  # MCP would show a gr.JSON as Python prints it
    # Not queued: for a queued tool Gradio would call itself over HTTP, and fail at its own certificate and password.
    gr.Button(visible=False).click(
        watch_video,
        [video, instructions, only_responses],
        found,
        api_name="watch_video",
        queue=False,
        show_progress="hidden",
    )


async def decisions_or_error(visitors: Visitors, video: str | None, instructions: object) -> AsyncGenerator[dict, None]:
    """`decisions`; whatever goes wrong is one sentence that Gradio passes on to the caller."""
    try:
        if not video:
            raise ValueError("No video was sent.")
        async with aclosing(decisions(visitors, Path(video), instructions)) as all_made:
            async for made in all_made:
                yield made
    except ValueError as error:
        # where this server stores an upload is not for the caller
        raise gr.Error(str(error).replace(str(video), Path(video or "").name), print_exception=False) from None
    except Exception:
        log.exception("watching for a program failed")
        raise gr.Error(UNEXPECTED, print_exception=False) from None
