"""Why a file is no video, in one sentence: read from its first and last bytes, because OpenCV only says "not opened".
Opens no video.

Formats are told apart by their signatures; a wrong guess costs a less helpful sentence, never a video that would have
played - except sound files, which are refused before opening: their cover picture would pass for a video of one frame.
"""

from pathlib import Path

from streamo_app.video.grid import SourceError

HEAD_BYTES = 64 * 1024
TAIL_BYTES = 4 * 1024 * 1024
"""An MP4 written in one go keeps its index at the end; this much holds the index of hours of video."""

PLAYLISTS = (b"#EXTM3U", b"ffconcat", b"[playlist]", b"<smil")
SOUND = (b"ID3", b"fLaC", b"\xff\xfb", b"\xff\xf3", b"\xff\xf2", b"\xff\xf1", b"\xff\xf9", b"#!AMR", b".snd", b"FORM")
SOUND_BRANDS = (b"M4A ", b"M4B ", b"M4P ")


def check_file(path: Path) -> None:
    """Raises SourceError for what can be told without opening: missing, a folder, a device, empty, sound alone, a
    playlist."""
    name = f"'{path}'"
    if path.is_dir():
        raise SourceError(f"{name} is a folder; name one video file in it.")
    if not path.exists():
        raise SourceError(f"There is no file {name}; check its name and folder.")
    if not path.is_file():
        raise SourceError(f"{name} is a device, not a file; name a camera as camera:0.")
    head = _read(path)[0]
    if not head:
        raise SourceError(f"{name} is empty (0 bytes); record or copy it again.")
    if head.lstrip(b"\xef\xbb\xbf \r\n").startswith(PLAYLISTS):
        raise SourceError(f"{name} is a playlist, not a video; open the video that it names.")
    if head.startswith(SOUND) or _riff(head) == b"WAVE" or (head[4:8] == b"ftyp" and head[8:12] in SOUND_BRANDS):
        raise SourceError(_only_sound(name))


def why_unreadable(path: Path) -> str:
    """One sentence for a file that passed `check_file` and that OpenCV could not open."""
    name = f"'{path}'"
    head, tail = _read(path)
    if head[4:8] == b"ftyp":
        if b"moov" not in head and b"moov" not in tail:
            return f"{name} is cut off: the index that an MP4 keeps at its end is missing; copy or record it again."
        if b"soun" in head + tail and b"vide" not in head + tail:
            return _only_sound(name)
        return no_pictures(path)
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return _only_sound(name) if b"A_" in head and b"V_" not in head else no_pictures(path)
    if head.startswith(b"OggS") and b"theora" not in head:
        return _only_sound(name)
    return f"{name} is not a video that can be read; MP4, WebM, MKV, MOV and AVI files can."


def no_pictures(path: Path) -> str:
    """One sentence for a video without one frame that can be read."""
    return f"'{path}' is a video but holds no picture that can be read; it may be cut off, so copy or record it again."


def _only_sound(name: str) -> str:
    return f"{name} holds sound but no picture; choose a file with video."


def _riff(head: bytes) -> bytes:
    return head[8:12] if head[:4] == b"RIFF" else b""


def _read(path: Path) -> tuple[bytes, bytes]:
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
            size = file.seek(0, 2)
            file.seek(max(0, size - TAIL_BYTES))
            return head, file.read()
    except OSError as error:
        raise SourceError(f"'{path}' cannot be opened: {error.strerror}.") from None
