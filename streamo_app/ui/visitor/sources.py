"""What a visitor chose to watch, as a source that the session can start, if they may. No Gradio in here.

Everything is checked here: a browser can send what the page does not offer.
"""

import html
import re
from collections.abc import Mapping
from pathlib import Path

from streamo_app.config import AppConfig
from streamo_app.ui.visitor.messages import Action
from streamo_app.ui.visitor.preview import Preview
from streamo_app.ui.visitor.samples import SampleClip
from streamo_app.video.source import BrowserSource, CameraSource, FileSource, PlayerSource, Source

TITLES = {
    "samples": "Sample clips",
    "upload": "Upload",
    "webcam": "Webcam",
    "camera": "Server camera",
    "address": "Address",
}
"""Of the tabs that choose a source."""
MAX_ADDRESS = 2000
MAX_CAMERA = 63
ADDRESS_WANTED = "Type the address of a stream, such as rtsp://host/path or https://host/video.mp4."


def tabs(config: AppConfig) -> str:
    """Radio buttons of the sources; the server's cameras, and addresses, only where visitors may open them."""
    allowed = {"camera": config.camera_allowed, "address": config.urls_allowed}
    names = [name for name in TITLES if allowed.get(name, True)]
    radios = "".join(
        f'<label><input type="radio" name="choice" value="{name}"><span>{html.escape(TITLES[name])}</span></label>'
        for name in names
    )
    return f'<fieldset class="tabs"><legend class="sr">What it watches</legend>{radios}</fieldset>'


def open_chosen(action: Action, *, path: Path | None, address: str, config: AppConfig) -> Source:
    """The source of a "start": "choice", for a file also "how" (player | decode) and "from" (seconds), for a camera its
    number "camera". `path`: the chosen file.

    Raises ValueError (one sentence) for what is not there or not allowed."""
    match action.text("choice"):
        case "webcam":
            return BrowserSource()
        case "camera":
            if not config.camera_allowed:
                raise ValueError("This page may not open the camera of its machine; start it with --allow-camera.")
            return Preview(CameraSource(f"camera:{camera_number(action.raw('camera'))}"))
        case "address":
            return Preview(CameraSource(check_address(address, config)))
    if path is None:
        raise ValueError("Choose a video first.")
    start_s = max(0.0, action.number("from"))
    if action.text("how") == "player":
        return PlayerSource(path, start_s=start_s)
    return Preview(FileSource(path, realtime=True, start_s=start_s))


def camera_number(sent: object) -> int:
    if sent is None:
        return 0
    if isinstance(sent, bool) or not isinstance(sent, int) or not 0 <= sent <= MAX_CAMERA:
        raise ValueError(f"Camera number must be between 0 and {MAX_CAMERA}.")
    return sent


def check_address(address: str, config: AppConfig) -> str:
    """An address that may be opened: one line, rtsp, rtsps, http or https, with a host. It may hold a password, so it
    is never shown; `CameraSource.title` is. Raises ValueError (one sentence without the address)."""
    if not config.urls_allowed:
        why = "a Space opens none" if config.on_space else "start it with --allow-urls"
        raise ValueError(f"This page may not open addresses for its visitors; {why}.")
    if not address:
        raise ValueError(ADDRESS_WANTED)
    if len(address) > MAX_ADDRESS or re.search(r"[\x00-\x20\x7f]", address):
        raise ValueError(f"That is not an address: it contains spaces or has more than {MAX_ADDRESS} characters.")
    if "://" not in address:
        raise ValueError(ADDRESS_WANTED)
    CameraSource(address)  # raises for a scheme or a host that cannot be
    return address


def chosen_file(choice: str, clip: str, clips: Mapping[str, SampleClip], upload: Path | None) -> Path | None:
    """The file of a choice; None if there is none, or if the choice is not a file."""
    if choice == "samples" and clip in clips:
        return clips[clip].path
    return upload if choice == "upload" else None
