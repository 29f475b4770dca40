"""The curve of a run as one JSON file and one figure.

Run: python -m finetune curves RUN_DIR [--out FOLDER]
"""

import argparse
from pathlib import Path

import yaml

from finetune.training.progress import read_curve
from streamo_app.files import atomic_write, write_json

_STATES = ("silence", "standby", "response", "text")
_NUMBERS = ("loss", "aux", "lr", *_STATES, "seconds", "tokens")
_KEYS = ("stage", "step", *_NUMBERS)
_PATCHES = ("cars", "living", "lights", "ways", "objects", "rooms")
"""Groups of patch classes whose F1 a vision stage reports."""
_REACH = 4
"""Points of the curve to either side that a smoothed one is the mean of."""
# Okabe and Ito's colours, which people with any kind of colour vision can tell apart; the dashes do it in print.
_LOOK = {
    "loss": ("loss", "#000000", "-"),
    "aux": ("match loss", "#CC79A7", "--"),
    "silence": ("silence", "#0072B2", "-"),
    "standby": ("standby", "#E69F00", "--"),
    "response": ("response", "#D55E00", "-."),
    "text": ("words of the reply", "#009E73", ":"),
    "patches": ("what a patch shows (F1)", "#56B4E9", "-"),
}
_LETTER = 0.012
"""Width of a letter as a share of the figure's."""
_PICTURE = {"dpi": 150, "format": "png"}


def read_stages(run: Path) -> list[dict]:
    """Stages of a run in the order they ran: "name", "steps" (how many are done, at each point), and a list as long for
    each number.

    Numbers: loss, aux, learning_rate, silence, standby, response, text, seconds, tokens, and what else the stage
    reports; None where a point has none. Raises ValueError where the run has no curve.
    """
    if not (run / "curve.jsonl").exists():
        raise ValueError(f"There is no curve.jsonl in {run}; name the run_dir of a training.")
    groups: dict[str, list[dict]] = {}
    for line in read_curve(run / "curve.jsonl"):
        lines = groups.setdefault(line["stage"], [])
        while lines and lines[-1]["step"] >= line["step"]:  # done again after a kill
            lines.pop()
        lines.append(line)
    if not groups:
        raise ValueError(f"{run / 'curve.jsonl'} has no lines yet; they come every few steps.")
    stages = []
    for name, lines in groups.items():
        more = [key for key in dict.fromkeys(key for line in lines for key in line) if key not in _KEYS]
        values = {
            "learning_rate" if key == "lr" else key: [line.get(key) for line in lines] for key in (*_NUMBERS, *more)
        }
        stages.append({"name": name, "steps": [line["step"] for line in lines]} | values)
    return stages


def smooth(values: list[float], reach: int = _REACH) -> list[float]:
    """Each the mean of itself and as many points on either side: `reach`, fewer at the ends. It lags behind
    nothing."""
    out = []
    for i in range(len(values)):
        side = min(reach, i, len(values) - 1 - i)
        out.append(sum(values[i - side : i + side + 1]) / (2 * side + 1))
    return out


def write_curves(run: Path, out: Path) -> tuple[Path, Path]:
    """Writes `curves.json` and `curves.png` of a run into a folder, each beside and then renamed."""
    stages = read_stages(run)
    out.mkdir(parents=True, exist_ok=True)
    name = _name(run)
    numbers, picture = out / "curves.json", out / "curves.png"
    write_json(numbers, {"name": name, "stages": stages})
    with atomic_write(picture) as tmp:
        figure(stages, name).savefig(tmp, **_PICTURE)
    return numbers, picture


def _name(run: Path) -> str:
    """The model's, from the run's configuration; else the folder's."""
    path = run / "config.yaml"
    read = yaml.safe_load(path.read_text()) if path.exists() else None
    return str(read["name"]) if isinstance(read, dict) and "name" in read else run.resolve().name


def figure(stages: list[dict], title: str):
    """The losses above, what comes out right below; each point faint, its smoothed line over it, the stages side by
    side."""
    from matplotlib.figure import Figure  # a second to import; without pyplot no window and nothing global

    drawn = Figure(figsize=(10, 6.5), layout="constrained")
    losses, right = drawn.subplots(2, 1, sharex=True)
    start, edges = 0, []
    for stage in stages:
        x = [start + step for step in stage["steps"]]
        _draw(losses, x, {key: stage[key] for key in ("loss", "aux")})
        _draw(right, x, {key: stage[key] for key in _STATES} | {"patches": _patches(stage)})
        edges.append((start, x[-1]))
        start = x[-1]
    losses.set(yscale="log", ylabel="loss (log)", title=title)
    right.set(ylim=(0, 1.02), ylabel="share that is right", xlabel="optimizer steps, all stages", xlim=(0, start))
    for axes in (losses, right):
        axes.grid(alpha=0.25, which="major")
        axes.spines[["top", "right"]].set_visible(False)
        for left, _ in edges[1:]:
            axes.axvline(left, color="0.35", lw=0.8)
        found = dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))  # one per look, not per stage
        labels = [label for label, _, _ in _LOOK.values() if label in found]
        if labels:
            axes.legend(
                [found[label] for label in labels], labels, loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False
            )
    losses.set_ylim(top=8 * losses.get_ylim()[1])  # for the names
    for stage, (left, end) in zip(stages, edges, strict=True):
        narrow = (end - left) / start < _LETTER * len(stage["name"])  # it would overlap the names beside it
        losses.text(
            (left + end) / 2,
            0.97,
            stage["name"],
            transform=losses.get_xaxis_transform(),
            rotation=90 if narrow else 0,
            ha="center",
            va="top",
            fontsize=7 if narrow else 9,
            color="0.25",
            bbox={"facecolor": "white", "alpha": 0.7, "lw": 0, "pad": 0.5},
        )
    return drawn


def _patches(stage: dict) -> list[float | None]:
    """Mean of the F1 that a vision stage reports for its groups of classes."""
    groups = [stage[key] for key in _PATCHES if key in stage]
    points = (
        [[value for value in point if value is not None] for point in zip(*groups, strict=True)]
        if groups
        else [[] for _ in stage["steps"]]
    )
    return [sum(point) / len(point) if point else None for point in points]


def _draw(axes, x: list[int], curves: dict[str, list[float | None]]) -> None:
    for key, values in curves.items():
        label, colour, dashes = _LOOK[key]
        at = [step for step, value in zip(x, values, strict=True) if value is not None]
        raw = [value for value in values if value is not None]
        if raw and (key != "aux" or any(raw)):  # a match loss with weight 0 is no curve
            axes.plot(at, raw, color=colour, alpha=0.3, lw=0.9)
            axes.plot(at, smooth(raw), dashes, color=colour, lw=1.8, label=label)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN_DIR", help="the run_dir of a training, finished or not")
    parser.add_argument("--out", metavar="FOLDER", help="where to put curves.json and curves.png (default: RUN_DIR)")


def run(args: argparse.Namespace) -> int:
    folder = Path(args.run)
    numbers, picture = write_curves(folder, Path(args.out or folder))
    print(f"Wrote {numbers} and {picture}")
    return 0
