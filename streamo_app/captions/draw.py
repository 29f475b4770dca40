"""Responses drawn into images, each with its lane's colour and number, and the time. Pure: arrays in, arrays out.

Fonts: DejaVu Sans, which comes with matplotlib and covers Latin, Greek, Cyrillic, Arabic, Hebrew and more; for what it
lacks (Chinese, Japanese, Korean, ...) the fonts of this machine are tried. A letter that no font has is drawn as an
empty box and listed in `Captions.missing`.
"""

import importlib.util
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from streamo_app.colours import LANES_DARK, ON_LANE_DARK
from streamo_app.transcript.exports import Cue, clock_time, one_line

MAX_LINES = 4
"""Of one response; a longer one ends in three dots."""
LETTER_HEIGHT = 1 / 22
"""Of a letter's box, as a share of the image's height."""
MIN_LETTER_PX = 13
FONT_FOLDERS = ("/usr/share/fonts", "/usr/local/share/fonts", "/System/Library/Fonts", "/Library/Fonts")
FURTHER_FONTS = re.compile(
    r"(Noto|DroidSansFallback|wqy|unifont|Arial Unicode|PingFang|Hiragino|AppleSDGothic|Unifont|GNU)", re.I
)
"""Fonts that have letters which DejaVu lacks."""
NO_LETTER = "\U0010fffe"
"""No font has it: it is drawn as whatever a font shows for a letter that it lacks."""


class Captions:
    """Draws the cues of a run into its images. Keeps what it drew last: most images share their words with the one
    before."""

    def __init__(self, cues: Sequence[Cue], width: int, height: int):
        self.missing = ""
        """Letters that no font of this machine has, each once."""
        self._cues, self._size = cues, (width, height)
        self._letter = max(MIN_LETTER_PX, round(height * LETTER_HEIGHT))
        self._drawn: tuple[tuple, list[tuple[slice, slice, np.ndarray, np.ndarray]]] = ((), [])

    def draw(self, image: np.ndarray, t: float) -> None:
        """Into `image`, (height, width, 3) uint8 RGB, what is to be read at `t` seconds."""
        shown = tuple(cue for cue in self._cues if cue.start_s <= t < cue.end_s)
        key = (int(t), shown)
        if key != self._drawn[0]:
            self._drawn = (key, [patch(box, corner) for box, corner in self._boxes(int(t), shown)])
        for rows, columns, colour, alpha in self._drawn[1]:
            below = image[rows, columns]
            high, wide = below.shape[:2]  # in a tiny image what does not fit is cut off
            below[:] = (below * (255 - alpha[:high, :wide]) + colour[:high, :wide]) // 255

    def _boxes(self, second: int, shown: Sequence[Cue]) -> Iterator[tuple[Image.Image, tuple[int, int]]]:
        """(RGBA image, its left upper corner): the time, and the responses from the bottom upwards, newest lowest."""
        margin = self._letter // 2
        yield self._time(second), (margin, margin)
        bottom = self._size[1] - margin
        for place, cue in enumerate(sorted(shown, key=lambda cue: (-cue.start_s, -cue.lane))):
            image = self._box(cue)
            if place and bottom - image.height < 3 * self._letter:
                return  # no room: the oldest are left out
            bottom = max(0, bottom - image.height)
            yield image, (margin, bottom)
            bottom -= margin // 2

    def _time(self, second: int) -> Image.Image:
        font, text = font_of("0", self._letter)[0], clock_time(second)
        image = Image.new(
            "RGBA", (round(font.getlength(text)) + self._letter, round(1.5 * self._letter)), (0, 0, 0, 150)
        )
        ImageDraw.Draw(image).text((self._letter // 2, image.height // 2), text, "#ffffff", font, anchor="lm")
        return image

    def _box(self, cue: Cue) -> Image.Image:
        letter, text, number = self._letter, one_line(cue.text), str(cue.lane)
        font, lacks = font_of(text, letter)
        self.missing += "".join(letter for letter in lacks if letter not in self.missing)
        tag, pad = round(letter * (0.9 + 0.6 * len(number))), letter // 2
        lines = wrap(text, font, self._size[0] - tag - 3 * pad - letter)
        step = round(1.35 * letter)
        wide = round(max(font.getlength(line) for line in lines)) + tag + 2 * pad
        image = Image.new("RGBA", (wide, step * len(lines) + pad), (0, 0, 0, 185))
        draw = ImageDraw.Draw(image)
        draw.rectangle((0, 0, tag - 1, image.height), LANES_DARK[(cue.lane - 1) % len(LANES_DARK)])
        draw.text((tag // 2, (step + pad) // 2), number, ON_LANE_DARK, font_of("0", letter)[0], anchor="mm")
        for at, line in enumerate(lines):
            draw.text((tag + pad, round(pad / 2 + (at + 0.5) * step)), line, "#ffffff", font, anchor="lm")
        return image


def patch(image: Image.Image, corner: tuple[int, int]) -> tuple[slice, slice, np.ndarray, np.ndarray]:
    """Where an RGBA image goes, its colours already multiplied by their opacity, and the opacity; (H, W, 3) and (H, W,
    1) uint16."""
    rgba = np.asarray(image, np.uint16)
    left, top = corner
    alpha = rgba[..., 3:]
    return slice(top, top + image.height), slice(left, left + image.width), rgba[..., :3] * alpha, alpha


def wrap(text: str, font: ImageFont.FreeTypeFont, width: float) -> list[str]:
    """Lines no wider than `width`, at most MAX_LINES; a word that does not fit on a line is broken."""
    lines = [""]
    for word in re.findall(r"\S+", text):
        longer = f"{lines[-1]} {word}".strip()
        if font.getlength(longer) <= width:
            lines[-1] = longer
            continue
        if lines[-1]:
            lines.append("")
        for letter in word:
            if lines[-1] and font.getlength(lines[-1] + letter) > width:
                lines.append("")
            lines[-1] += letter
        if len(lines) > MAX_LINES:
            break
    if len(lines) > MAX_LINES:
        last = lines[MAX_LINES - 1]
        while last and font.getlength(last + " ...") > width:
            last = last[:-1]
        lines = [*lines[: MAX_LINES - 1], last + " ..."]
    return lines


def font_of(text: str, size: int) -> tuple[ImageFont.FreeTypeFont, str]:
    """The first font that has every letter of `text`, else the one that lacks the fewest; and the letters that it
    lacks."""
    best = own_font(size)
    missing = lacking(best, text)
    for path in font_paths() if missing else ():
        try:
            font = ImageFont.truetype(path, size)
        except OSError:
            continue
        lacks = lacking(font, text)
        if len(lacks) < len(missing):
            best, missing = font, lacks
        if not lacks:
            break
    return best, missing


def lacking(font: ImageFont.FreeTypeFont, text: str) -> str:
    """The letters of `text` that the font lacks, each once."""
    return "".join(
        letter
        for letter in dict.fromkeys(text)
        if not letter.isspace() and glyph(font, letter) == glyph(font, NO_LETTER)
    )


@lru_cache(4096)
def glyph(font: ImageFont.FreeTypeFont, letter: str) -> tuple:
    mask = font.getmask(letter)
    return mask.size, bytes(mask)


@lru_cache(32)
def own_font(size: int) -> ImageFont.FreeTypeFont:
    """DejaVu Sans from matplotlib's folder, without running any of matplotlib; where it is missing, Pillow's own."""
    spec = importlib.util.find_spec("matplotlib")
    path = Path(spec.origin).parent / "mpl-data" / "fonts" / "ttf" / "DejaVuSans.ttf" if spec and spec.origin else None
    font = ImageFont.truetype(str(path), size) if path and path.is_file() else ImageFont.load_default(size)
    assert isinstance(font, ImageFont.FreeTypeFont), "with a size, Pillow's own font is one too"
    return font


@lru_cache(1)
def font_paths() -> tuple[str, ...]:
    """Fonts of this machine that may have what DejaVu lacks; searched for once, when first needed."""
    found = (
        path
        for folder in FONT_FOLDERS
        for path in sorted(Path(folder).rglob("*"))
        if path.suffix.lower() in (".ttf", ".ttc", ".otf")
    )
    return tuple(str(path) for path in found if FURTHER_FONTS.search(path.name))[:40]
