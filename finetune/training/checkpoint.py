"""The checkpoint of the stage that is being trained: one folder, whole or not there, whenever a kill comes."""

import json
import shutil
from pathlib import Path

from accelerate import Accelerator


def save_checkpoint(accelerator: Accelerator, folder: Path, index: int, step: int, spent: dict) -> None:
    """Stage `index` after `step` steps. Written beside and then renamed: a kill leaves the old one or the new one."""
    part, old = folder.with_name("checkpoint.part"), folder.with_name("checkpoint.old")
    if accelerator.is_main_process:
        shutil.rmtree(part, ignore_errors=True)  # half a checkpoint, where a kill left one
    accelerator.wait_for_everyone()
    accelerator.save_state(str(part), safe_serialization=False)  # safetensors warns about tied weights, every time
    accelerator.wait_for_everyone()
    if accelerator.is_main_process:
        (part / "at.json").write_text(json.dumps({"stage": index, "step": step, "spent": spent}))
        shutil.rmtree(old, ignore_errors=True)
        if folder.exists():
            folder.rename(old)
        part.rename(folder)
        shutil.rmtree(old, ignore_errors=True)
    accelerator.wait_for_everyone()


def resume(accelerator: Accelerator, folder: Path, index: int) -> tuple[int, dict]:
    """(steps done, what `StageProgress.spent` said then) of the checkpoint that was loaded; (0, {}) where this stage
    has none.

    Raises ValueError where it is of other weights, as after a change of the stage's losses, which have weights of their
    own.
    """
    old = folder.with_name("checkpoint.old")
    if accelerator.is_main_process and old.exists() and not folder.exists():
        old.rename(folder)  # killed between the two renames of `save_checkpoint`
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
            "Delete it to start the stage again (stages before it are kept), or take back what was changed."
        ) from error
    read = json.loads(at.read_text())
    return read["step"], read.get("spent", {})
