"""Training: stages of a configuration, one after another, on accelerate.

Run: python -m finetune train CONFIG.yaml [--set key=value ...]
     torchrun --nproc_per_node 2 -m finetune train CONFIG.yaml      (two CPU processes; accelerate launch starts one on
     a CPU)
     accelerate launch -m finetune train CONFIG.yaml                (one GPU or many)

Killed and started again it goes on from the last checkpoint: samples depend on (seed, stage, rank, step) alone.
"""

import argparse
import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import torch
from accelerate import Accelerator, InitProcessGroupKwargs

from finetune.config import TrainConfig, load_config
from finetune.model.precision import native_bf16
from finetune.model.tiny import check_sections, set_sections
from finetune.training.artifacts import RunArtifacts, StageState
from finetune.training.checkpoint import resume, save_checkpoint
from finetune.training.curves import write_curves
from finetune.training.disk_space import check_disk_space, required_bytes
from finetune.training.loop import train_steps
from finetune.training.optim import make_optimizers
from finetune.training.progress import StageProgress
from finetune.training.run_record import RunStats, stage_name, stage_seed, training_record
from finetune.training.stages import make_stage
from streamo_app.files import atomic_write, write_json


def begin_run_folder(run: Path, config: TrainConfig) -> None:
    """Makes the folder and saves the configuration into it. Raises ValueError where that is not possible."""
    try:
        run.mkdir(parents=True, exist_ok=True)
        config.save(run / "config.yaml")
    except OSError as error:
        reason = error.strerror or str(error)
        raise ValueError(f"run_dir {run} cannot be written ({reason}); choose another: --set run_dir=FOLDER.") from None


def run_stage(
    accelerator: Accelerator, artifacts: RunArtifacts, index: int, state: StageState, stats: RunStats
) -> StageState:
    """Trains one stage from its checkpoint, or from the start; leaves `<run>/<stage>.pt` and the finished weights in
    `artifacts.model`. Returns what the next stage goes on from."""
    config, model = artifacts.config, artifacts.model
    name = stage_name(config, index)
    finished = artifacts.run / f"{name}.pt"
    state = state.entering(config, index)
    if config.stages[index].sections:
        set_sections(model, config.stages[index].sections)
    if finished.exists():
        saved = torch.load(finished, map_location="cpu")  # else every process would put a copy on the first GPU
        model.load_state_dict(saved["model"])
        return replace(state, heads=saved["heads"])
    with stats.running(name):
        heads = _train_stage(accelerator, artifacts, index, state, stats)
        accelerator.wait_for_everyone()
        accelerator.free_memory()
        if accelerator.is_main_process:
            with atomic_write(finished) as tmp:
                torch.save({"model": model.state_dict(), "heads": heads}, tmp)
            shutil.rmtree(artifacts.run / "checkpoint", ignore_errors=True)
        accelerator.wait_for_everyone()
    return replace(state, heads=heads)


def _train_stage(
    accelerator: Accelerator, artifacts: RunArtifacts, index: int, state: StageState, stats: RunStats
) -> dict | None:
    """Returns the weights of the auxiliary heads; a vision stage has none of its own and keeps those from before."""
    config, stage, part = artifacts.config, artifacts.config.stages[index], state.part
    torch.manual_seed(stage_seed(config, index))  # the auxiliary heads start at random, the same after a restart
    runner = make_stage(stage, artifacts, state, accelerator)
    module, *optimizers = accelerator.prepare(runner.module, *make_optimizers(runner.module, stage))
    checkpoint, main = artifacts.run / "checkpoint", accelerator.is_main_process
    start, spent = resume(accelerator, checkpoint, index)
    # As `stage_seed` of the heads: each part counts its stages from 0.
    batches = runner.batches((part.seed, index - part.first), start)
    with StageProgress(artifacts.run / "curve.jsonl", config.stages, index, start, main, spent=spent) as progress:
        for done in train_steps(accelerator, module, optimizers, stage, batches, runner.loss, start=start):
            # Every process gives its own tokens, and a loss whose mean over processes is that of the whole batch.
            mine = torch.tensor(
                [done.report["loss"] / accelerator.num_processes, done.report["tokens"]],
                dtype=torch.float64,
                device=accelerator.device,
            )
            loss, tokens = accelerator.reduce(mine, reduction="sum").tolist()
            progress.step(done.step, done.report | {"loss": loss, "lr": done.lr, "tokens": tokens})
            if (done.step + 1) % config.save_every == 0 and done.step + 1 < stage.steps:
                save_checkpoint(accelerator, checkpoint, index, done.step + 1, progress.spent())
    stats.count(stage_name(config, index), progress.tokens)
    return runner.finish() or state.heads


def train(config: TrainConfig) -> Path:
    """All stages of `config`; says where the finished model is, and returns that folder."""
    bf16 = config.precision == "bf16" or (config.precision == "auto" and native_bf16())
    accelerator = Accelerator(
        mixed_precision="bf16" if bf16 else "no",
        cpu=not torch.cuda.is_available(),
        # One process renders while the others wait.
        kwargs_handlers=[InitProcessGroupKwargs(timeout=timedelta(hours=3))],
    )
    if accelerator.num_processes > 1 and accelerator.device.type == "cpu":
        torch.set_num_threads(1)
    run = Path(config.run_dir)
    if accelerator.is_main_process:
        begin_run_folder(run, config)
    stats = RunStats(run / "times.json", accelerator.is_main_process)
    with stats.running("setup"), accelerator.main_process_first():  # which trains the tokenizer; the others read it
        artifacts = RunArtifacts(config, run)
    for stage in config.stages:
        if stage.sections:
            check_sections(artifacts.model, stage.sections)  # now, not hours from now
    weights = sum(p.numel() * p.element_size() for p in artifacts.model.parameters())
    check_disk_space(run, required_bytes(config, artifacts.model.config.vision_config.hidden_size, weights))
    accelerator.wait_for_everyone()  # nobody writes while another still counts
    state = StageState(config.part(0))
    for index in range(len(config.stages)):
        state = run_stage(accelerator, artifacts, index, state, stats)
    if accelerator.is_main_process:
        out = Path(config.out)
        artifacts.save(out)
        record = training_record(
            config, stats, processes=accelerator.num_processes, precision="bf16" if bf16 else "float32"
        )
        write_json(out / "training.json", record)
        if (run / "curve.jsonl").exists():
            write_curves(run, run)
        print(f"The model is in {config.out}")
    accelerator.wait_for_everyone()
    accelerator.end_training()
    return Path(config.out)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("config", metavar="CONFIG.yaml")
    parser.add_argument(
        "--set", metavar="KEY=VALUE", action="append", default=[], help="change a key, e.g. stages.2.steps=100"
    )


def run(args: argparse.Namespace) -> int:
    train(load_config(args.config, args.set))
    return 0
