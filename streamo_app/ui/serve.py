"""Serving the page: theme, style, and Gradio's settings for a server that strangers may reach. The layout is in
`page.py`."""

import gradio as gr
from fastapi.middleware import Middleware

from streamo_app.colours import lane_properties
from streamo_app.config import AppConfig
from streamo_app.ui.api.auth import McpBasicAuth
from streamo_app.ui.certificate import names_of, self_signed
from streamo_app.ui.download import routes
from streamo_app.ui.page import STYLES, build, text
from streamo_app.ui.scripts import scripts_route
from streamo_app.ui.visitor.visitors import Visitors

SLOTS_PER_SEAT = 4
"""Gradio's threads: an open webcam stream holds one for its whole life, and everybody's ticks and clicks need more."""
UPLOAD_LIMIT = "500mb"
SYSTEM_FONTS = ("ui-sans-serif", "system-ui", "sans-serif")


def theme() -> gr.Theme:
    """For Gradio's own parts (webcam, drop zone); fonts come from this server, never from elsewhere."""
    base = gr.themes.Base(
        primary_hue="slate",
        neutral_hue="stone",
        # weights named: the semibold file that Gradio 6.31 ships lacks most letters
        font=[gr.themes.LocalFont("IBM Plex Sans", weights=(400, 700)), *SYSTEM_FONTS],
        font_mono=[gr.themes.LocalFont("IBM Plex Mono", weights=(400, 700)), "ui-monospace", "monospace"],
    )
    return base.set(
        block_border_width="0px",
        block_shadow="none",
        block_background_fill="transparent",
        block_background_fill_dark="transparent",
    )


def serve(visitors: Visitors, config: AppConfig) -> tuple[gr.Blocks, str]:
    """The running page and its address; returns at once. Raises OSError when the port is taken, ValueError when https
    has no certificate."""
    blocks = build(visitors)
    own = self_signed(config.https_dir, names_of(config.host)) if config.https_dir else None
    blocks.queue(default_concurrency_limit=None, max_size=4 * config.seats)
    _, url, shared = blocks.launch(
        server_name=config.host,
        server_port=config.port,
        auth=config.auth,
        share=config.share,
        ssl_keyfile=str(own.key) if own else None,
        ssl_certfile=str(own.file) if own else None,
        ssl_verify=not own,  # Gradio fetches its own page once, and no authority signed the certificate
        prevent_thread_lock=True,
        quiet=True,
        ssr_mode=False,
        run_history=False,
        enable_monitoring=False,
        mcp_server=config.mcp,
        show_error=False,
        footer_links=[],
        max_threads=max(40, SLOTS_PER_SEAT * config.seats),
        max_file_size=UPLOAD_LIMIT,
        allowed_paths=[str(clip.path) for clip in visitors.clips],
        app_kwargs={
            "routes": [scripts_route(), *routes(visitors)],
            "middleware": [Middleware(McpBasicAuth, auth=config.auth)],
        },
        theme=theme(),
        css="\n".join((lane_properties(), *(text(f"{name}.css") for name in STYLES))),
    )
    return blocks, shared or url.rstrip("/")
