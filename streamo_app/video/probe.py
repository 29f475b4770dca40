"""Why a file is not a video, in one sentence: read from its first and last bytes, because OpenCV only says "not
opened". Opens no video.

Formats are recognised by their signatures; a wrong guess costs a less helpful sentence, never a video that would have
played - except audio files, which are refused before opening: their cover art would pass for a video of one frame.
"""

from pathlib import Path

from streamo_app.video.grid import SourceError

HEAD_BYTES = 64 * 1024
TAIL_BYTES = 4 * 1024 * 1024
"""An MP4 written in one pass has its index at the end; this is enough for the index of hours of video."""

PLAYLISTS = (b"#EXTM3U", b"ffconcat", b"[playlist]", b"<smil")
AUDIO = (b"ID3", b"fLaC", b"\xff\xfb", b"\xff\xf3", b"\xff\xf2", b"\xff\xf1", b"\xff\xf9", b"#!AMR", b".snd", b"FORM")
AUDIO_BRANDS = (b"M4A ", b"M4B ", b"M4P ")


def check_file(path: Path) -> None:
    """Raises SourceError for what is known without opening it as a video: a missing or empty file, a folder, a device,
    a playlist, audio alone."""
    name = f"'{path}'"
    if path.is_dir():
        raise SourceError(f"{name} is a folder; name one video file in it.")
    if not path.exists():
        raise SourceError(f"There is no file {name}; check its name and folder.")
    if not path.is_file():
        raise SourceError(f"{name} is a device, not a file; for a camera give its number, for example camera:0.")
    head = _read(path)[0]
    if not head:
        raise SourceError(f"{name} is empty (0 bytes); record or copy it again.")
    if head.lstrip(b"\xef\xbb\xbf \r\n").startswith(PLAYLISTS):
        raise SourceError(f"{name} is a playlist, not a video; open one of the videos it lists.")
    if head.startswith(AUDIO) or _riff(head) == b"WAVE" or (head[4:8] == b"ftyp" and head[8:12] in AUDIO_BRANDS):
        raise SourceError(_audio_only(name))


def why_unreadable(path: Path) -> str:
    """One sentence for a file that passed `check_file` and that OpenCV could not open."""
    name = f"'{path}'"
    head, tail = _read(path)
    if head[4:8] == b"ftyp":
        if b"moov" not in head and b"moov" not in tail:
            return f"{name} is truncated: the index at the end of the MP4 is missing; copy or record it again."
        if b"soun" in head + tail and b"vide" not in head + tail:
            return _audio_only(name)
        return no_frames(path)
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return _audio_only(name) if b"A_" in head and b"V_" not in head else no_frames(path)
    if head.startswith(b"OggS") and b"theora" not in head:
        return _audio_only(name)
    return f"{name} is not a readable video; MP4, WebM, MKV, MOV and AVI are supported."


def no_frames(path: Path) -> str:
    """One sentence for a video without one readable frame."""
    return f"'{path}' contains no readable frames; the file may be truncated, so copy or record it again."


def _audio_only(name: str) -> str:
    return f"{name} contains audio but no video; choose a file with video."


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
