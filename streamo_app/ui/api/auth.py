"""A lock where Gradio has none: with `--auth`, its MCP routes ask for the same name and password (HTTP Basic).
Everything else of the page asks by Gradio's own login. ASGI; no Gradio in here."""

import base64
import secrets

from fastapi import Response

GUARDED = "/gradio_api/mcp"


class McpBasicAuth:
    def __init__(self, app, auth: tuple[str, str] | None):
        self._app = app
        self._wanted = b"Basic " + base64.b64encode(":".join(auth).encode()) if auth else None

    async def __call__(self, scope, receive, send) -> None:
        if self._wanted is None or scope["type"] != "http" or not self._guarded(scope) or self._known(scope):
            await self._app(scope, receive, send)
            return
        refusal = Response(
            "This asks for a name and a password.", 401, {"WWW-Authenticate": 'Basic realm="Streamo"'}, "text/plain"
        )
        await refusal(scope, receive, send)

    def _guarded(self, scope) -> bool:
        # Anywhere in the path: behind a proxy there may be something in front of it.
        return GUARDED in scope["path"]

    def _known(self, scope) -> bool:
        given = [value for name, value in scope["headers"] if name == b"authorization"]
        return len(given) == 1 and secrets.compare_digest(given[0], self._wanted)
