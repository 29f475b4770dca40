"""The README's picture, `docs/page.png`, from the running page: a sample clip in Chromium, two wishes before Start, one typed mid-stream.

Run from the repository root, with what `make test` installs:  .venv/bin/python -m docs.take_picture [--model M] [--out FILE]

Not a test and not a mock-up: what the picture says is what the model said. Retake it when the page or the built-in model changes.
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from streamo_app.config import BUILT_IN_MODEL, Parser
from streamo_app.models.interface import StreamingModel
from streamo_app.models.loading import load_model
from tests.browser import ask, choose, running_site, wait_for
from tests.conftest import CHROMIUM
from tests.fakecam import street, write_camera

OUT = Path(__file__).resolve().parent / "page.png"
WIDTH_PX, HEIGHT_PX, SCALE = 1280, 880, 1.5
CLIP = "Midday"
BEFORE = ("Notify me when the light turns green.", "Count the cars that pass.")
DURING, DURING_S = "Notify me when a red car appears.", 12
TAKEN_AT_S = 34.5
"""Of the clip's 36: nearly everything has happened and the page still says "Running"."""


def take(model: StreamingModel, out: Path) -> None:
    """Writes a PNG of WIDTH_PX x HEIGHT_PX CSS pixels, SCALE times as many real ones; takes as long as the clip."""
    with TemporaryDirectory() as folder:
        camera = write_camera(Path(folder) / "camera.y4m", street())  # the browser wants one, the picture does not
        with running_site(model, camera, str(CHROMIUM)) as site:
            with site.visitor(WIDTH_PX, HEIGHT_PX, device_scale_factor=SCALE, color_scheme="light") as page:
                choose(page, "samples")
                page.click(f"#clips button:text-is('{CLIP}')")
                for text in BEFORE:
                    page.click(f"#chips button:text-is('{text}')")
                page.click("#go")
                stands = page.locator("#player")
                wait_for(page, lambda: stands.evaluate("player => player.currentTime") >= DURING_S, f"second {DURING_S} of the clip")
                ask(page, DURING)
                wait_for(page, lambda: stands.evaluate("player => player.currentTime") >= TAKEN_AT_S, f"second {TAKEN_AT_S} of the clip")
                page.screenshot(path=out)


def main(argv: list[str] | None = None) -> int:
    parser = Parser(prog="python -m docs.take_picture", description="Take the README's picture of the page.")
    parser.add_argument("--model", default=BUILT_IN_MODEL, help="folder or hub id (default: the built-in model)")
    parser.add_argument("--out", type=Path, default=OUT, metavar="FILE.png", help="default: docs/page.png")
    args = parser.parse_args(argv)
    take(load_model(args.model), args.out)
    print(f"{args.out} ({args.out.stat().st_size / 1000:.0f} kB): look at it before you commit it")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except ValueError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
