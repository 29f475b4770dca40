"""HTTP Basic authentication for Gradio's MCP routes, which its own login does not protect: with `--auth` they ask for
the same user name and password as the page. ASGI middleware; no Gradio in here."""

import base64
import secrets

from fastapi import Response

GUARDED = "/gradio_api/mcp"


class McpBasicAuth:
    def __init__(self, app, auth: tuple[str, str] | None):
        self._app = app
        self._expected = b"Basic " + base64.b64encode(":".join(auth).encode()) if auth else None

    async def __call__(self, scope, receive, send) -> None:
        if scope["type"] != "http" or not self._guarded(scope) or self._authorized(scope):
            await self._app(scope, receive, send)
            return
        refusal = Response(
            "A user name and a password are required.", 401, {"WWW-Authenticate": 'Basic realm="Streamo"'}, "text/plain"
        )
        await refusal(scope, receive, send)

    def _guarded(self, scope) -> bool:
        # Anywhere in the path: a proxy may put a prefix in front of it.
        return GUARDED in scope["path"]

    def _authorized(self, scope) -> bool:
        if self._expected is None:
            return True
        given = [value for name, value in scope["headers"] if name == b"authorization"]
        return len(given) == 1 and secrets.compare_digest(given[0], self._expected)
