"""The route that hands a visitor what he saves: POST streamo/save with {"id", "owner", "form"}, answered with the text
or the video.

The ids travel in the body, never in an address, where histories and logs would keep them; nothing is put into a folder
that is served. Whatever does not name a session together with its owner gets the same 404.
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

log = logging.getLogger(__name__)


def routes(desks: Visitors) -> list[APIRoute]:
    async def save(request: Request) -> Response:
        body = b""
        async for part in request.stream():
            body += part
            if len(body) > BODY_BYTES:
                return refusal(413, "This is no request of the page; reload it.")
        return await run_in_threadpool(answer, desks, body)

    return [APIRoute("/streamo/save", save, methods=["POST"], include_in_schema=False)]


def answer(desks: Visitors, body: bytes) -> Response:
    try:
        what = json.loads(body)
        desk = desks.own(what["id"], what["owner"])
        form = what["form"]
    except (ValueError, TypeError, KeyError):
        return refusal(400, "This is no request of the page; reload it.")
    if desk is None:
        return refusal(404, "This session is not there any more; reload the page.")
    try:
        if form in FORMATS:
            return Response(desk.keep.export(form), media_type=f"{TYPES[form]}; charset=utf-8", headers=HEADERS)
        if form == "webm":
            return FileResponse(desk.keep.film.file(), media_type=TYPES[form], headers=HEADERS)
        raise ValueError("This cannot be saved; reload the page.")
    except ValueError as error:
        return refusal(409, str(error))
    except Exception:
        log.exception("saving failed")
        return refusal(500, UNEXPECTED)


HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Content-Disposition": "attachment"}


def refusal(status: int, sentence: str) -> Response:
    return Response(sentence, status_code=status, media_type="text/plain; charset=utf-8", headers=HEADERS)
