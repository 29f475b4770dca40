"""The paper's ablations in miniature, on the street world: the three losses, three states against two, gamma and alpha
of the focal loss.

Run: python -m finetune ablate [--workers N] [--out DIR]    3.5 core hours; a stopped run continues when started again
     python -m finetune ablate --smoke                      every part once, far too short; 3 minutes on two cores

Plan: `ablation/plan.py` and finetune/configs/ablate.yaml. Every finished (variant, seed, budget) is a file in the run's
folder. CPU only.
"""

import json
import os
import sys
import time
from argparse import ArgumentParser, Namespace
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from multiprocessing import get_context
from pathlib import Path

from finetune.ablation.plan import Plan, load_plan, variants

CONFIG = "ablate"  # finetune/configs/ablate.yaml, wherever it is run
OUT, NUMBERS_OUT, RUN = "docs", "assets/results", "runs/ablation"
SMOKE = "runs/ablation-smoke"


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--config", metavar="FILE", default=CONFIG, help=f"plan to run (default: {CONFIG})")
    parser.add_argument(
        "--out",
        metavar="DIR",
        help="folder for ablation.json, ablation.md and ablation.png "
        f"(default: {OUT}, the JSON {NUMBERS_OUT}; with --smoke {SMOKE})",
    )
    parser.add_argument(
        "--run",
        metavar="DIR",
        help=f"folder for rendered data and finished results (default: {RUN}; with --smoke {SMOKE})",
        dest="folder",
    )
    parser.add_argument("--workers", metavar="N", type=int, help="processes of one thread each (default: one per core)")
    parser.add_argument("--smoke", action="store_true", help="tiny budgets and one seed, to check that every part runs")
    parser.add_argument(
        "--report", action="store_true", help="train nothing; write the report of the runs that are finished"
    )


def run(args: Namespace) -> int:
    """The command; 0 when all is done. Raises ValueError with one sentence for bad input."""
    plan = load_plan(args.config, args.smoke)
    workers = args.workers or os.cpu_count() or 1
    if workers < 1:
        raise ValueError("--workers must be a whole number of at least 1.")
    out = Path(args.out or (SMOKE if args.smoke else OUT))
    if args.smoke and out.resolve() == Path(OUT).resolve():
        raise ValueError(f"The numbers of --smoke are meaningless and must not go to {OUT}; give another --out.")
    numbers_out = out if args.out or args.smoke else Path(NUMBERS_OUT)
    from rich.console import Console

    from finetune.ablation import report
    from finetune.ablation.material import AblationMaterial, base_digest
    from finetune.ablation.measures import blind_baselines
    from finetune.ablation.variant import Task, load_results, own_tracks

    digest = plan.digest(base_digest(plan.base))
    folder = Path(args.folder or (SMOKE if args.smoke else RUN)) / digest
    for path in (out, numbers_out, folder / "results"):
        _make_folder(path)
    tasks = [Task(variant, seed) for seed in plan.seeds for variant in variants(plan)]
    if not args.report:
        _run_all(plan, folder, tasks, workers, Console(stderr=True))
    results = load_results(folder, tasks)
    if not results:
        raise ValueError(f"No run in {folder} is finished; start one without --report.")
    baselines = blind_baselines(own_tracks(AblationMaterial(plan, folder).videos("test")))
    about = _about(plan, folder, digest, results, workers)
    report.show(plan, results, baselines, Console())
    for path in report.write(out, plan, results, baselines, about, numbers_out):
        print(f"Wrote {path}")
    return 0


def _make_folder(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(f"Cannot create the folder {path}: {error.strerror}.") from None


def _run_all(plan: Plan, folder: Path, tasks: list, workers: int, console) -> None:
    """Material, warm-up, then every task that is not finished, in `workers` processes."""
    import torch
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    from finetune.ablation.material import AblationMaterial
    from finetune.ablation.variant import warm_up

    left = [task for task in tasks if task.missing(folder / "results")]
    if not left:
        return
    began = time.monotonic()
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(24),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, speed_estimate_period=600) as progress:
        bar = progress.add_task("material", total=1.0)
        material = AblationMaterial(plan, folder)
        material.prepare(workers, lambda what, share: progress.update(bar, description=what, completed=share))
        progress.update(bar, description="material", completed=1.0)
        torch.set_num_threads(workers)
        if not (folder / "warm.pt").exists():
            bar = progress.add_task("warm-up", total=plan.warmup.steps)
            warm_up(material, lambda steps: _warmed(progress, bar, steps, plan.warmup.steps, began, console))
            _tell(console, f"warm-up of {plan.warmup.steps} steps done after {_minutes(time.monotonic() - began)}")
        began = _add_wall(folder, began)
        del material
        _in_processes(plan, folder, left, min(workers, len(left)), progress, console)


def _warmed(progress, bar: int, steps: int, total: int, began: float, console) -> None:
    """A bar that nobody sees, in a log file, is a line at every tenth instead."""
    progress.advance(bar, steps)
    done = int(progress.tasks[bar].completed)
    if not console.is_terminal and done % max(1, total // 10) == 0:
        _tell(console, f"warm-up: step {done} of {total} after {_minutes(time.monotonic() - began)}")


def _in_processes(plan: Plan, folder: Path, left: list, workers: int, progress, console) -> None:
    from finetune.ablation.variant import run_in_process, start_process
    from finetune.training.progress import time_left

    context = get_context("spawn")  # a forked process would share torch's threads
    ticks = context.Queue()
    units = {task: task.units(folder / "results") for task in left}
    bar = progress.add_task(f"{len(left)} runs", total=sum(units.values()))
    began, done = time.monotonic(), 0
    counted = began
    with ProcessPoolExecutor(workers, context, start_process, (plan, folder, ticks)) as pool:
        # The longest first: none of them is then still running alone at the end.
        waiting = {pool.submit(run_in_process, task): task for task in sorted(left, key=lambda task: -units[task])}
        try:
            while waiting:
                finished, _ = wait(waiting, timeout=0.5, return_when=FIRST_COMPLETED)
                while not ticks.empty():
                    progress.advance(bar, ticks.get())
                for future in finished:
                    task, results = waiting.pop(future), future.result()
                    done += units[task]
                    counted = _add_wall(folder, counted)
                    spent = time.monotonic() - began
                    rest = time_left(spent, done, sum(units.values()) - done)
                    last = results[-1]["plain"]["f1"] if results else None
                    f1 = "" if last is None else f", timing F1 {100 * last:.1f}"
                    _tell(
                        console,
                        f"{task.variant.name}, seed {task.seed}{f1}; {len(waiting)} runs to go, about {_minutes(rest)}",
                    )
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _tell(console, line: str) -> None:
    console.print(line, highlight=False, soft_wrap=True, markup=False)


def _minutes(seconds: float) -> str:
    from finetune.training.progress import words

    return words(seconds)


def _add_wall(folder: Path, since: float) -> float:
    """Adds the time since `since` to what the folder's starts have taken, and returns now. Done with every result: a
    kill asks nobody."""
    from streamo_app.files import write_json

    now = time.monotonic()
    write_json(folder / "wall.json", {"seconds": round(_wall(folder) + now - since, 1)})
    return now


def _wall(folder: Path) -> float:
    path = folder / "wall.json"
    return json.loads(path.read_text())["seconds"] if path.exists() else 0.0


def _about(plan: Plan, folder: Path, digest: str, results: list[dict], workers: int) -> dict:
    """What made the numbers. Minutes of several starts are added up."""
    import torch

    from finetune.model.precision import native_bf16
    from finetune.training.run_record import device_name

    warm = json.loads((folder / "warm.json").read_text())["cpu_s"]
    runs: dict[tuple, float] = {}
    for result in results:
        key = (result["variant"], result["seed"])
        runs[key] = max(runs.get(key, 0.0), result["cpu_s"]["to_here"])
    return {
        "command": " ".join(["python -m finetune ablate", *(word for word in sys.argv[2:] if word != "--report")]),
        "machine": device_name(),
        "cores": os.cpu_count(),
        "workers": workers,
        "precision": "bf16 autocast" if native_bf16() else "float32",
        "torch": torch.__version__,
        "config": digest,
        "minutes": round(_wall(folder) / 60, 1),
        "core_minutes": round((warm + sum(runs.values())) / 60, 1),
        "parameters": plan.model,
        "finished": len(results),
        "planned": sum(len(variant.budgets) for variant in variants(plan)) * len(plan.seeds),
    }
