"""Training: stages of a configuration, one after another, on accelerate.

Run: python -m finetune train CONFIG.yaml [--set key=value ...]
     torchrun --nproc_per_node 2 -m finetune train CONFIG.yaml      (two CPU processes; accelerate launch starts one on
     a CPU)
     accelerate launch -m finetune train CONFIG.yaml                (one GPU or many)

Killed and started again it goes on from the last checkpoint: rows depend on (seed, stage, rank, step) alone.
"""

import argparse
import json
import shutil
from datetime import timedelta
from pathlib import Path

import torch
from accelerate import Accelerator, InitProcessGroupKwargs

from finetune.config import Stage, TrainConfig, load_config
from finetune.model.precision import native_bf16
from finetune.model.tiny import TOKEN_PX, check_sections, set_sections
from finetune.training.curves import write_curves
from finetune.training.disk_space import check_disk_space, required_bytes
from finetune.training.optim import make_muon
from finetune.training.progress import Progress
from finetune.training.run_record import RunStats, stage_name, stage_seed, training_record
from finetune.training.stages import RunArtifacts, make_stage
from streamo_app.files import atomic_write, write_json

_LAST_LR = 0.04


def wsd_schedule(step: int, stage: Stage) -> float:
    """Learning rate of a step as a share of the peak: linear up, flat, linear down to 4 %."""
    up = min(1.0, (step + 1) / max(1, stage.warmup))
    done = step / stage.steps
    down = 1.0 if done < stage.flat else max(_LAST_LR, (1 - done) / (1 - stage.flat))
    return up * down


def make_optimizers(module: torch.nn.Module, stage: Stage) -> list[torch.optim.Optimizer]:
    """Muon for the language model's matrices where the stage wants it, AdamW for the rest."""
    trained = [(name, p) for name, p in module.named_parameters() if p.requires_grad]
    matrices = [p for name, p in trained if stage.matrix_lr and p.ndim == 2 and "language_model.layers" in name]
    ids = {id(p) for p in matrices}
    rest = [p for _, p in trained if id(p) not in ids]
    optimizers: list[torch.optim.Optimizer] = [
        torch.optim.AdamW(rest, lr=stage.lr, betas=(0.9, 0.98), weight_decay=0.02)
    ]
    if matrices:
        optimizers.append(make_muon(matrices, lr=stage.matrix_lr, weight_decay=0.02))
    return optimizers


def count_tokens(inputs: tuple, pad: int) -> int:
    """Tokens that a stage's module is given: ids of its batches, padding excluded, or visual tokens of its (N, h, w, 3)
    frames."""
    if isinstance(inputs[0], list):
        return sum(int((batch.ids != pad).sum()) for batch in inputs[0])
    n, height, width, _ = inputs[0].shape
    return n * (height // TOKEN_PX) * (width // TOKEN_PX)


def run_stage(
    accelerator: Accelerator, config: TrainConfig, index: int, material: RunArtifacts, ledger: RunStats
) -> None:
    """Trains one stage from its checkpoint, or from the start; leaves `<run>/<stage>.pt` and the finished weights in
    `material.model`."""
    finished = material.run / f"{stage_name(config, index)}.pt"
    material.part = config.part(index)
    if config.stages[index].kind == "vision":
        material.tower = config.stages[index].name
    if config.stages[index].sections:
        set_sections(material.model, config.stages[index].sections)
    if finished.exists():
        saved = torch.load(finished, map_location="cpu")  # else every process would put a copy on the first GPU
        material.model.load_state_dict(saved["model"])
        material.heads = saved["heads"]
        return
    with ledger.running(stage_name(config, index)):
        _train_stage(accelerator, config, index, material, ledger)
        accelerator.wait_for_everyone()
        accelerator.free_memory()
        if accelerator.is_main_process:
            with atomic_write(finished) as tmp:
                torch.save({"model": material.model.state_dict(), "heads": material.heads}, tmp)
            shutil.rmtree(material.run / "checkpoint", ignore_errors=True)
        accelerator.wait_for_everyone()


def _train_stage(
    accelerator: Accelerator, config: TrainConfig, index: int, material: RunArtifacts, ledger: RunStats
) -> None:
    stage, part = config.stages[index], config.part(index)
    seed = (
        part.seed,
        index - part.first,
    )  # of its rows, as `stage_seed` of its heads: each part counts its stages from 0
    torch.manual_seed(stage_seed(config, index))  # the auxiliary heads start at random, the same after a restart
    work = make_stage(stage, material, accelerator)
    optimizers = make_optimizers(work.module, stage)
    module, *optimizers = accelerator.prepare(work.module, *optimizers)
    checkpoint = material.run / "checkpoint"
    start, spent = _resume(accelerator, checkpoint, index)
    given: list[int] = []
    work.module.register_forward_pre_hook(
        lambda _, inputs: given.append(count_tokens(inputs, material.tokenizer.pad_token_id))
    )
    with Progress(
        material.run / "curve.jsonl", config.stages, index, start, accelerator.is_main_process, **spent
    ) as progress:
        for step in range(start, stage.steps):
            share = wsd_schedule(step, stage)
            for optimizer, peak in zip(optimizers, (stage.lr, stage.matrix_lr)):
                for group in optimizer.param_groups:
                    group["lr"] = peak * share
            given.clear()
            loss, report = work.loss(module, (*seed, accelerator.process_index, step))
            accelerator.backward(loss)
            accelerator.clip_grad_norm_([p for p in module.parameters() if p.requires_grad], 1.0)
            for optimizer in optimizers:
                optimizer.step()
                optimizer.zero_grad()
            # Every process gives its own tokens, and a loss whose mean over processes is that of the whole batch.
            mine = torch.tensor(
                [report.get("loss", loss.item()) / accelerator.num_processes, sum(given)],
                dtype=torch.float64,
                device=accelerator.device,
            )
            whole_loss, tokens = accelerator.reduce(mine, reduction="sum").tolist()
            progress.step(step, report | {"loss": whole_loss, "lr": stage.lr * share, "tokens": tokens})
            if (step + 1) % config.save_every == 0 and step + 1 < stage.steps:
                _save(accelerator, checkpoint, index, step + 1, progress.spent())
    ledger.count(stage_name(config, index), progress.tokens)
    material.heads = (
        work.finish() or material.heads
    )  # a vision stage has none of its own and leaves those of the stage before


def _save(accelerator: Accelerator, folder: Path, index: int, step: int, spent: dict) -> None:
    """A checkpoint written beside and then renamed: a kill leaves the old one or the new one."""
    tmp, old = folder.with_name("checkpoint.part"), folder.with_name("checkpoint.old")
    if accelerator.is_main_process:
        shutil.rmtree(tmp, ignore_errors=True)  # half a checkpoint, where a kill left one
    accelerator.wait_for_everyone()
    accelerator.save_state(str(tmp), safe_serialization=False)  # safetensors warns about tied weights, every time
    accelerator.wait_for_everyone()
    if accelerator.is_main_process:
        (tmp / "at.json").write_text(json.dumps({"stage": index, "step": step, "spent": spent}))
        shutil.rmtree(old, ignore_errors=True)
        if folder.exists():
            folder.rename(old)
        tmp.rename(folder)
        shutil.rmtree(old, ignore_errors=True)
    accelerator.wait_for_everyone()


def _resume(accelerator: Accelerator, folder: Path, index: int) -> tuple[int, dict]:
    """(steps done, what `Progress.spent` said then) of the checkpoint that was loaded; (0, {}) where this stage has
    none.

    Raises ValueError where it is of other weights, as after a change of the stage's losses, which have weights of their
    own.
    """
    old = folder.with_name("checkpoint.old")
    if accelerator.is_main_process and old.exists() and not folder.exists():
        old.rename(folder)  # killed between the two renames of `_save`
    accelerator.wait_for_everyone()
    at = folder / "at.json"
    if not at.exists() or json.loads(at.read_text())["stage"] != index:
        return 0, {}
    try:
        accelerator.load_state(str(folder))
    except RuntimeError as error:
        if "state_dict" not in str(error):
            raise  # nothing that another checkpoint would mend, such as a full GPU
        misfit = " ".join(str(error).split())[:200]
        raise ValueError(
            f"The checkpoint {folder} was saved with other weights than this stage has now ({misfit} ...). "
            "Delete it to begin the stage anew (stages before it are kept), or take back what was changed."
        ) from error
    read = json.loads(at.read_text())
    return read["step"], read.get("spent", {})


def train(config: TrainConfig) -> Path:
    """All stages of `config`; says where the finished model is, and returns that folder."""
    bf16 = config.precision == "bf16" or (config.precision == "auto" and native_bf16())
    accelerator = Accelerator(
        mixed_precision="bf16" if bf16 else "no",
        cpu=not torch.cuda.is_available(),
        kwargs_handlers=[
            InitProcessGroupKwargs(timeout=timedelta(hours=3))
        ],  # one process renders while the others wait
    )
    if accelerator.num_processes > 1 and accelerator.device.type == "cpu":
        torch.set_num_threads(1)
    run = Path(config.run_dir)
    if accelerator.is_main_process:
        run.mkdir(parents=True, exist_ok=True)
        config.save(run / "config.yaml")
    ledger = RunStats(run / "times.json", accelerator.is_main_process)
    with ledger.running("setup"), accelerator.main_process_first():  # which trains the tokenizer; the others read it
        material = RunArtifacts(config, run)
    for stage in config.stages:
        if stage.sections:
            check_sections(material.model, stage.sections)  # now, not hours from now
    weights = sum(p.numel() * p.element_size() for p in material.model.parameters())
    check_disk_space(run, required_bytes(config, material.model.config.vision_config.hidden_size, weights))
    accelerator.wait_for_everyone()  # nobody writes while another still counts
    for index in range(len(config.stages)):
        run_stage(accelerator, config, index, material, ledger)
    if accelerator.is_main_process:
        out = Path(config.out)
        material.save(out)
        record = training_record(
            config, ledger, processes=accelerator.num_processes, precision="bf16" if bf16 else "float32"
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
