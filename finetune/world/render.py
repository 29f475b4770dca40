"""Labelled clips as files: VP8 WebM videos, which browsers play and OpenCV reads, and `records.json` with the raw
records of each.

Run: python -m finetune world render OUT_DIR --world street|desk --count CLIPS --seed S [--seconds N] [--paraphrases
train|heldout]

`pairs.json` holds alerts in pairs over the same clips, equal except for what they name:
`evaluate --data OUT_DIR/pairs.json` shows whether a model tells apart what it was asked for. The clips are always of
the test split, so that no seed gives a clip that the built-in model was trained on. The same arguments write the same
bytes again, videos included, with the same versions of the libraries.
"""

import argparse
import os
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from fractions import Fraction
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import av
import cv2
import numpy as np
from rich.console import Console
from rich.progress import Progress

from finetune.annotations import Record, save_records
from finetune.world import worlds
from finetune.world.clip import MIN_SECONDS
from finetune.world.degrade import VP8
from finetune.world.desk.scene import DeskClip
from finetune.world.street.scene import StreetClip
from streamo_app.config import Parser
from streamo_app.files import atomic_write

WORLDS = worlds.NAMES
AnyClip = StreetClip | DeskClip
FPS_CHOICES = (8.0, 10.0, 12.5, 15.0)
USUAL_SECONDS = (20, 90)
"""Range, both ends included, that a length is drawn from when none is given."""
MAX_SECONDS = 3600
_SPLIT = "test"
_SAME_BYTES = {"fflags": "+bitexact"}  # otherwise each file gets a random identity
# PyAV, because OpenCV's writer fixes VP8 at 2 bits per pixel: ten times the bytes and eight times the work for the
# same look.
CRF = 16
"""Of VP8: 4 is best and largest, 63 worst and smallest."""
_BITS_PER_PIXEL = 0.25
"""At most: `crf` decides first."""


def world_of(clip: AnyClip) -> worlds.World:
    """The world that a clip shows."""
    return worlds.get("desk" if isinstance(clip, DeskClip) else "street")


def clip_fps(clip: AnyClip) -> float:
    """Frames per second of a clip's video: one of FPS_CHOICES, by its seed."""
    return FPS_CHOICES[int(np.random.default_rng(clip.seed).integers(len(FPS_CHOICES)))]


def render_clip(clip: AnyClip, path: str | Path, fps: float | None = None, crf: int = CRF) -> None:
    """Write `clip` as a VP8 WebM at `path`, `clip.seconds` long; frame k shows t = k / fps. A clip of 30 s takes about
    2 s and 1 to 3 MB.

    Written beside and then renamed. Raises OSError when the file cannot be written.
    """
    path, fps, draw = Path(path), fps or clip_fps(clip), world_of(clip).draw
    with atomic_write(path) as tmp, av.open(str(tmp), "w", container_options=_SAME_BYTES) as file:
        width, height = clip.size
        video = file.add_stream("libvpx", rate=Fraction(fps).limit_denominator(1000), options={**VP8, "crf": str(crf)})
        video.width, video.height, video.pix_fmt = width, height, "yuv420p"
        video.codec_context.thread_count = 1  # a process per clip is enough; its threads would busy-wait
        video.bit_rate = int(_BITS_PER_PIXEL * width * height * fps)
        for number in range(round(clip.seconds * fps)):
            frame = av.VideoFrame.from_ndarray(draw(clip, number / fps), format="rgb24")
            file.mux(video.encode(frame))
        file.mux(video.encode())


def plan(count: int, seed: int, seconds: int | None = None, world: str = "street") -> list[AnyClip]:
    """The clips of a seed and world, cheap to make; a larger count starts with the same clips."""
    rng = np.random.default_rng(seed)
    drawn = [
        (int(rng.integers(2**31)), int(rng.integers(USUAL_SECONDS[0], USUAL_SECONDS[1] + 1))) for _ in range(count)
    ]
    make_clip = worlds.get(world).make_clip
    return [make_clip(clip_seed, seconds or length, _SPLIT) for clip_seed, length in drawn]


def clip_records(clip: AnyClip, video_path: str, paraphrases: str = "train") -> list[Record]:
    """The records that belong to a rendered clip: the same every time."""
    return world_of(clip).records(
        clip, np.random.default_rng(np.random.SeedSequence([4, clip.seed])), paraphrases, video_path
    )


def clip_pairs(clip: AnyClip, video_path: str, paraphrases: str = "train") -> list[Record]:
    """Two records for each kind of alert that fits the clip: one names what comes, the other what is easily mistaken
    for it."""
    rng = np.random.default_rng(np.random.SeedSequence([5, clip.seed]))
    world = world_of(clip)
    made: list[Record] = []
    for task in (task for task in world.tasks.PAIRED if world.tasks.TASK_TYPES[task] == "alert"):
        one = world.tasks.record(clip, task, rng, paraphrases)
        if one is not None and one.answers:
            name = one.extra["argument"]
            made += (
                world.tasks.pair(clip, task, rng, (name, world.tasks.rival(task, name, rng)), paraphrases, video_path)
                or ()
            )
    return made


def render(
    out_dir: str | Path, world: str, count: int, seed: int, seconds: int | None = None, paraphrases: str = "train"
) -> list[Record]:
    """Write `count` clips and `records.json` into `out_dir` (made where missing), with a progress bar on stderr;
    returns the records.

    Raises ValueError, one clear sentence, on an unknown world, a count, seed or length out of range, or a folder that
    cannot be written.
    """
    _check(world, count, seed, seconds, paraphrases)
    out_dir = _writable(Path(out_dir))
    clips = plan(count, seed, seconds, world)
    names = [f"{world}-{seed}-{index:04d}.webm" for index in range(count)]
    workers = min(count, os.cpu_count() or 1)
    # spawn: forking a process in which OpenCV or torch has threads can hang
    with (
        Progress(console=Console(stderr=True)) as progress,
        ProcessPoolExecutor(workers, get_context("spawn"), _one_thread) as pool,
    ):
        bar = progress.add_task(f"clips to {out_dir}", total=count)
        try:
            for _ in pool.map(partial(_render_into, out_dir), zip(clips, names, strict=True)):
                progress.advance(bar)
        except OSError as error:
            pool.shutdown(cancel_futures=True)
            raise ValueError(f"A clip could not be written to {out_dir}: {error}.") from error
    made = [item for clip, name in zip(clips, names, strict=True) for item in clip_records(clip, name, paraphrases)]
    _write(made, out_dir / "records.json")
    _write(
        [item for clip, name in zip(clips, names, strict=True) for item in clip_pairs(clip, name, paraphrases)],
        out_dir / "pairs.json",
    )
    return made


def _write(made: list[Record], path: Path) -> None:
    with atomic_write(path) as tmp:
        save_records(made, tmp)


def _one_thread() -> None:
    cv2.setNumThreads(1)  # a process per core already


def _render_into(out_dir: Path, clip_and_name: tuple[AnyClip, str]) -> None:
    clip, name = clip_and_name
    render_clip(clip, out_dir / name)


def _check(world: str, count: int, seed: int, seconds: int | None, paraphrases: str) -> None:
    if world not in WORLDS:
        raise ValueError(f"There is no world {world!r}; take {', '.join(WORLDS)}.")
    if count < 1:
        raise ValueError(f"--count is {count}; ask for at least one clip.")
    if seed < 0:
        raise ValueError(f"--seed is {seed}; take 0 or a positive number.")
    if seconds is not None and not MIN_SECONDS <= seconds <= MAX_SECONDS:
        raise ValueError(f"--seconds is {seconds}; a clip is {MIN_SECONDS} to {MAX_SECONDS} s long.")
    if paraphrases not in ("train", "heldout"):
        raise ValueError(f"--paraphrases is {paraphrases!r}; take train or heldout.")


def _writable(out_dir: Path) -> Path:
    try:
        out_dir.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=out_dir):
            pass
    except OSError as error:
        raise ValueError(
            f"Nothing can be written to {out_dir} ({error.strerror or error}); give another folder."
        ) from None
    return out_dir


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `world render`."""
    parser.add_argument("out_dir", metavar="OUT_DIR", help="folder for the videos and records.json; created if missing")
    parser.add_argument("--world", required=True, help=f"what to render: {', '.join(WORLDS)}")
    parser.add_argument("--count", required=True, type=int, metavar="CLIPS", help="number of clips")
    parser.add_argument(
        "--seed", type=int, default=0, metavar="S", help="0 or more; the same seed gives the same clips (default 0)"
    )
    parser.add_argument(
        "--seconds",
        type=int,
        metavar="N",
        help=f"length of each clip (default: drawn, {USUAL_SECONDS[0]} to {USUAL_SECONDS[1]})",
    )
    parser.add_argument(
        "--paraphrases",
        default="train",
        choices=("train", "heldout"),
        help="wordings of the instructions (default train)",
    )


def run(args: argparse.Namespace) -> int:
    """Render and print what was written; exit code 0. Raises ValueError like `render`."""
    made = render(args.out_dir, args.world, args.count, args.seed, args.seconds, args.paraphrases)
    print(f"{args.count} clip{'s' * (args.count != 1)} and {len(made)} records in {args.out_dir}")
    return 0


def main(argv: list[str] | None = None) -> int:
    """`python -m finetune world render ...`; `argv` is what follows. Exit code 0, or 2 with one line on stderr."""
    parser = Parser(prog="python -m finetune world render", description="Labelled synthetic clips.")
    add_arguments(parser)
    try:
        return run(parser.parse_args(sys.argv[1:] if argv is None else argv))
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2


if __name__ == "__main__":
    raise SystemExit(main())
