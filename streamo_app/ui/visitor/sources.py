"""What a visitor chose to watch, as a source that the session can start; and whether he may. No Gradio in here.

Everything comes from a browser and is checked: what the page does not offer can be sent all the same.
"""

import re
from collections.abc import Mapping
from pathlib import Path

from streamo_app.config import AppConfig
from streamo_app.ui.visitor.preview import Preview
from streamo_app.ui.visitor.samples import SampleClip
from streamo_app.video.source import BrowserSource, CameraSource, FileSource, PlayerSource, Source

CHOICES = ("samples", "upload", "webcam", "camera", "address")
MAX_ADDRESS = 2000
MAX_CAMERA = 63
ADDRESS_WANTED = "Type the address of a stream, as rtsp://host/path or https://host/video.mp4."


def open_chosen(
    choice: str, what: Mapping, *, path: Path | None, config: AppConfig, start_s: float = 0.0
) -> Source | Preview:
    """The source of a Start. `what`: "how" (player | decode) for a file, "camera" (its number), "address"; `path`: the
    chosen file; `start_s`: where a file begins.

    Raises ValueError (one sentence) for what is not there or not allowed."""
    match choice:
        case "webcam":
            return BrowserSource()
        case "camera":
            if not config.camera_allowed:
                raise ValueError("This page may not open the camera of its machine; start it with --allow-camera.")
            return Preview(CameraSource(f"camera:{camera_number(what.get('camera'))}"))
        case "address":
            return Preview(CameraSource(check_address(what.get("address"), config)))
    if path is None:
        raise ValueError("Choose a video first.")
    return (
        PlayerSource(path, start_s=start_s)
        if what.get("how") == "player"
        else Preview(FileSource(path, realtime=True, start_s=start_s))
    )


def camera_number(sent: object) -> int:
    if sent is None:
        return 0
    if isinstance(sent, bool) or not isinstance(sent, int) or not 0 <= sent <= MAX_CAMERA:
        raise ValueError(f"There is no such camera; choose a number from 0 to {MAX_CAMERA}.")
    return sent


def check_address(sent: object, config: AppConfig) -> str:
    """An address that may be opened: one line, rtsp, rtsps, http or https, with a host. It may hold a password, so it
    is shown to nobody: `CameraSource.title` is what may be. Raises ValueError (one sentence without the address)."""
    if not config.urls_allowed:
        where = "a Space opens none" if config.on_space else "start it with --allow-urls"
        raise ValueError(f"This page may not open addresses for its visitors; {where}.")
    address = str(sent or "").strip()
    if not address:
        raise ValueError(ADDRESS_WANTED)
    if len(address) > MAX_ADDRESS or re.search(r"[\x00-\x20\x7f]", address):
        raise ValueError(f"That is no address: it has spaces in it, or more than {MAX_ADDRESS} characters.")
    if "://" not in address:
        raise ValueError(ADDRESS_WANTED)
    CameraSource(address)  # raises for a scheme or a host that cannot be
    return address


def chosen_file(choice: str, clip: str, clips: Mapping[str, SampleClip], upload: Path | None) -> Path | None:
    """The file of a choice; None where there is none, or it is no file."""
    if choice == "samples" and clip in clips:
        return clips[clip].path
    return upload if choice == "upload" else None
