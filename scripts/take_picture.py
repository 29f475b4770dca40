"""Takes the README's picture, `docs/page.webp`, from the running page: a sample clip in Chromium, two instructions
before Start, one typed mid-stream.

Run from the repository root, with what `make test` installs, on a machine with little else to do (skipped seconds are
missing in the picture):

    .venv/bin/python -m scripts.take_picture [--model M] [--out FILE.png|FILE.webp]

A WebP shows the page as it moved, one frame per second of the clip; a PNG shows it near the end. Neither a test nor a
mock-up: the answers in the picture are the model's own. Retake it when the page or the built-in model changes.
"""

import io
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image

from streamo_app.config import BUILT_IN_MODEL, Parser
from streamo_app.dispatch import exit_status
from streamo_app.models.interface import StreamingModel
from streamo_app.models.loading import load_model
from tests.support.browser import ask, choose, running_site, wait_for
from tests.support.chromium import CHROMIUM
from tests.support.fakecam import street, write_camera

OUT = Path(__file__).resolve().parents[1] / "docs" / "page.webp"
WIDTH_PX, HEIGHT_PX, SCALE = 1280, 880, 1.5
CLIP = "Call"
BEFORE = ("Tell me when the lights go off.", "Count how often the lights go off.")
DURING, DURING_S = "Notify me when a red object appears.", 12
TAKEN_AT_S = 34.5
"""Of the clip's 36: nearly everything has happened and the page still says "Running"."""

FILM_PX, FILM_QUALITY, FILM_MS, LAST_MS = (1024, 704), 72, 700, 4000
"""Of the WebP (the 256 colours of a GIF are too few): size, quality, how long each second of the clip is shown, and its
last one."""


def take(model: StreamingModel, out: Path) -> None:
    """Writes a PNG of WIDTH_PX x HEIGHT_PX CSS pixels, SCALE times as many real ones, or a WebP of FILM_PX; takes as
    long as the clip."""
    with TemporaryDirectory() as folder:
        camera = write_camera(Path(folder) / "camera.y4m", street())  # the browser needs one, the picture does not
        with (
            running_site(model, camera, str(CHROMIUM)) as site,
            site.visitor(WIDTH_PX, HEIGHT_PX, device_scale_factor=SCALE, color_scheme="light") as page,
        ):
            choose(page, "samples")
            page.click(f"#clips button:text-is('{CLIP}')")
            for text in BEFORE:
                page.click(f"#chips button:text-is('{text}')")
            page.click("#go")
            film: list[bytes] | None = [] if out.suffix == ".webp" else None
            watch(page, DURING_S, film)
            ask(page, DURING)
            watch(page, TAKEN_AT_S, film)
            if film is None:
                page.screenshot(path=out)
            else:
                write_film(film, out)


def watch(page, until_s: float, film: list[bytes] | None) -> None:
    """Waits until the clip is at `until_s`; adds a screenshot to `film` at each new second."""
    for second in [*range(len(film), int(until_s)), until_s] if film is not None else [until_s]:
        wait_for(
            page,
            lambda second=second: page.locator("#player").evaluate("player => player.currentTime") >= second,
            f"second {second} of the clip",
        )
        if film is not None:
            film.append(page.screenshot())


def write_film(film: list[bytes], out: Path) -> None:
    first, *others = [Image.open(io.BytesIO(data)).convert("RGB").resize(FILM_PX, Image.LANCZOS) for data in film]
    times = [*[FILM_MS] * len(others), LAST_MS]
    first.save(out, save_all=True, append_images=others, duration=times, loop=0, quality=FILM_QUALITY, method=6)


def main(argv: list[str] | None = None) -> int:
    parser = Parser(prog="python -m scripts.take_picture", description="Take the README's picture of the page.")
    parser.add_argument("--model", default=BUILT_IN_MODEL, help="folder or hub id (default: the built-in model)")
    parser.add_argument(
        "--out", type=Path, default=OUT, metavar="FILE", help="a .png or a .webp (default: docs/page.webp)"
    )
    args = parser.parse_args(argv)
    if args.out.suffix not in (".png", ".webp"):
        raise ValueError(f"--out is {args.out}; give a .png or a .webp.")
    take(load_model(args.model), args.out)
    print(f"{args.out} ({args.out.stat().st_size / 1000:.0f} kB): look at it before you commit it")
    return 0


if __name__ == "__main__":
    sys.exit(exit_status(main))
