"""The page's JavaScript: ES modules in `static/`, served as they are. Gradio runs `js_on_load.js` when the page stands;
that imports `page.js`, and each module imports what it uses from beside itself.

Not through `gr.set_static_paths`: browsers may keep such files for days without asking, and after an update a page
would mix old modules with new ones. Here the address changes with the content.
"""

import functools
import hashlib
from pathlib import Path

from fastapi import HTTPException, Response
from fastapi.routing import APIRoute

STATIC = Path(__file__).parent / "static"
HEADERS = {"Cache-Control": "public, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}


@functools.cache
def modules() -> dict[str, bytes]:
    """File name -> content, read once: a page gets modules of one version, whatever happens to the files."""
    return {path.name: path.read_bytes() for path in sorted(STATIC.glob("*.js"))}


def scripts_path() -> str:
    """Where the modules are served, relative to the page: behind a proxy there may be something in front of it. Not
    "streamo/...": that would be taken for the proxy's own prefix where the page is published under /streamo."""
    content = hashlib.sha256()
    for name, script in modules().items():
        content.update(name.encode() + b"\0" + script + b"\0")
    return f"streamo-static/{content.hexdigest()[:16]}"


def scripts_route() -> APIRoute:
    """The code is no secret: it needs no login, as Gradio's own code does not."""

    async def script(name: str) -> Response:
        content = modules().get(name)
        if content is None:
            raise HTTPException(404)
        return Response(content, media_type="text/javascript", headers=HEADERS)

    return APIRoute(f"/{scripts_path()}/{{name}}", script, methods=["GET"], include_in_schema=False)


def js_on_load() -> str:
    return modules()["js_on_load.js"].decode("utf-8")
