"""Which cameras this machine has, by number and name. Opens none of them."""

from pathlib import Path

SYSTEM = Path("/sys/class/video4linux")
ANY = ((0, "Camera 0"),)
"""Where the system does not tell: the first one may be there."""


def list_cameras(folder: Path = SYSTEM) -> tuple[tuple[int, str], ...]:
    """(number for "camera:N", name) by number. A camera's further devices on Linux, which give no pictures, are left
    out."""
    found = []
    for device in folder.glob("video*"):
        try:
            index, name = (int((device / "index").read_text()), (device / "name").read_text().strip())
            number = int(device.name.removeprefix("video"))
        except (OSError, ValueError):
            continue
        if index == 0:
            found.append((number, f"{name or 'Camera'} ({number})"))
    return tuple(sorted(found)) or ANY
