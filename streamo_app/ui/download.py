"""The route from which visitors download what they save: POST streamo/save with {"id", "owner", "form"} returns the
transcript or the video.

The ids travel in the body, never in an address, where histories and logs would keep them; nothing is put into a folder
that is served. A request that does not name a session together with its owner gets the same 404 whatever is wrong.
"""

import json
import logging

from fastapi import Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse
from fastapi.routing import APIRoute

from streamo_app.transcript.transcript import FORMATS
from streamo_app.ui.visitor.visitor import UNEXPECTED
from streamo_app.ui.visitor.visitors import Visitors

BODY_BYTES = 4096
TYPES = {
    "srt": "application/x-subrip",
    "vtt": "text/vtt",
    "jsonl": "application/jsonl",
    "md": "text/markdown",
    "webm": "video/webm",
}

MALFORMED = "Malformed request; reload the page."

log = logging.getLogger(__name__)


def routes(visitors: Visitors) -> list[APIRoute]:
    async def save(request: Request) -> Response:
        body = b""
        async for part in request.stream():
            body += part
            if len(body) > BODY_BYTES:
                return refusal(413, MALFORMED)
        return await run_in_threadpool(answer, visitors, body)

    return [APIRoute("/streamo/save", save, methods=["POST"], include_in_schema=False)]


def answer(visitors: Visitors, body: bytes) -> Response:
    try:
        what = json.loads(body)
        visitor = visitors.tab_of_owner(what["id"], what["owner"])
        form = what["form"]
    except (ValueError, TypeError, KeyError):
        return refusal(400, MALFORMED)
    if visitor is None:
        return refusal(404, "This session no longer exists; reload the page.")
    try:
        if form in FORMATS:
            return Response(visitor.saved.export(form), media_type=f"{TYPES[form]}; charset=utf-8", headers=HEADERS)
        if form == "webm":
            return FileResponse(visitor.saved.caption_video.file(), media_type=TYPES[form], headers=HEADERS)
        raise ValueError("This format cannot be saved; reload the page.")
    except ValueError as error:
        return refusal(409, str(error))
    except Exception:
        log.exception("saving failed")
        return refusal(500, UNEXPECTED)


HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Content-Disposition": "attachment"}


def refusal(status: int, sentence: str) -> Response:
    return Response(sentence, status_code=status, media_type="text/plain; charset=utf-8", headers=HEADERS)
