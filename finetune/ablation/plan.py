"""What an ablation runs: sizes and budgets from YAML, and the variants that are compared. No torch.

Every variant starts from the same warmed-up weights and sees the same rows at the same steps: the seed of a run draws
the data order and nothing else. The learning rate stays flat after a short rise, so that one run, looked at on its way,
serves all budgets.
"""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass as validated

from finetune.config import Size, Stage, shaping
from finetune.settings import AtLeastOne, Count, Number, Text, Weight, from_mapping, one_of, read_yaml
from finetune.world.street.tasks import TASKS


@validated(frozen=True, config=ConfigDict(extra="forbid"))
class Plan:
    """One ablation; raises ValueError with one sentence for what cannot be run."""

    warmup: Stage
    """Practice over single frames with plain cross entropy, once for all variants."""
    run: Stage
    """Of every variant; its steps are the largest budget, its loss is the variant's."""
    budgets: Annotated[tuple[AtLeastOne, ...], Field(min_length=1)]
    """Optimizer steps at which a run is measured, rising."""
    base: Text = "streamo-tiny"
    """Model folder whose tokenizer and frozen vision tower all variants share."""
    model: dict[Size, AtLeastOne] = field(default_factory=dict)
    """Sizes of the fresh language model (`tiny.tiny_config`)."""
    seed: Count = 0
    """Of the first weights, the single frames and the warm-up."""
    seeds: Annotated[tuple[Count, ...], Field(min_length=1)] = (1, 2, 3)
    """Data orders, one run each."""
    stills: AtLeastOne = 4000
    clips: AtLeastOne = 300
    """Training clips."""
    clip_seconds: AtLeastOne = 32
    validation_clips: AtLeastOne = 8
    """For the choice of a bias."""
    test_clips: AtLeastOne = 18
    held_out_seconds: AtLeastOne = 28
    """Of each validation and test clip."""
    tasks: tuple[Annotated[Text, one_of(TASKS)], ...] = TASKS
    """Tasks of training, validation and test."""
    wordings: Literal["train", "heldout"] = "train"
    """Of the held-out clips' instructions."""
    fixed_weights: tuple[Weight, Weight, Weight] = (0.3, 1.3, 2.0)
    """Loss Scale: weights of silence, standby, response."""
    gammas: tuple[Weight, ...] = (0, 1, 2, 3)
    biases: tuple[Number, Number, Number] = (-4.0, 4.0, 0.25)
    """Lowest and highest bias of the response that is tried, and the step between."""

    def __post_init__(self) -> None:
        if list(self.budgets) != sorted(set(self.budgets)):
            raise ValueError(f"budgets are {list(self.budgets)}; give rising numbers of steps.")
        if self.biases[0] > self.biases[1] or self.biases[2] <= 0:
            raise ValueError(f"biases are {list(self.biases)}; give the lowest, the highest and a step above 0.")
        if self.run.seconds[1] > self.clip_seconds:
            raise ValueError(
                f"run.seconds go up to {self.run.seconds[1]} but training clips have {self.clip_seconds} s."
            )

    @property
    def largest(self) -> int:
        return self.budgets[-1]

    def digest(self, base_weights: bytes = b"") -> str:
        """Hash of everything that shapes a result; not of how many seeds and gammas are run. `base_weights` stands for
        the base model."""
        what = {key: value for key, value in asdict(self).items() if key not in ("base", "seeds", "gammas")}
        what |= {key: shaping(what[key]) for key in ("warmup", "run")}
        return hashlib.sha256(json.dumps(what, sort_keys=True).encode() + base_weights).hexdigest()[:12]


@dataclass(frozen=True)
class Variant:
    """One way to train: the loss, and which states there are."""

    name: str
    kind: str
    """ce, scale or focal."""
    gamma: float = 0.0
    alpha: bool = False
    """Weights by the batch's state counts, eq. (4)."""
    states: int = 3
    """3, or 2: standby is silence in every label and in the past that the model reads."""
    budgets: tuple[int, ...] = ()
    biased: bool = False
    """Also measured with the best bias of the response on validation clips."""


LOSSES = ("ce", "scale", "focal")
"""Names of the variants of the paper's Table 4."""
TWO_STATES = "two-states"


def focus_name(gamma: float, alpha: bool) -> str:
    """Name of the variant with this focus; two of them are the cross entropy and the focal loss of the first table."""
    if (gamma, alpha) == (0, False):
        return "ce"
    return "focal" if (gamma, alpha) == (2, True) else f"gamma{gamma:g}{'-alpha' if alpha else ''}"


def variants(plan: Plan) -> list[Variant]:
    """All variants, each once: (a) three losses at all budgets, (b) two states, (c) gamma and alpha, those at the
    largest budget."""
    last = (plan.largest,)
    made = [
        Variant("ce", "ce", budgets=plan.budgets, biased=True),
        Variant("scale", "scale", budgets=plan.budgets, biased=True),
        Variant("focal", "focal", 2.0, True, budgets=plan.budgets, biased=True),
        Variant(TWO_STATES, "focal", 2.0, True, states=2, budgets=last),
    ]
    names = {variant.name for variant in made}
    focus = [
        Variant(focus_name(gamma, alpha), "focal", float(gamma), alpha, budgets=last)
        for alpha in (True, False)
        for gamma in plan.gammas
    ]
    return made + [variant for variant in focus if variant.name not in names]


def load_plan(path: str | Path, smoke: bool = False) -> Plan:
    """The plan of a YAML file; with `smoke`, its `smoke` mapping laid over the rest. Raises ValueError naming the file
    or the key."""
    raw = read_yaml(path)
    small = raw.pop("smoke", None) or {}
    if not isinstance(small, dict):
        raise ValueError(f"{path}: smoke is {small!r}; a mapping is wanted.")
    if smoke:
        raw = {
            key: {**raw[key], **value} if isinstance(raw.get(key), dict) and isinstance(value, dict) else value
            for key, value in {**raw, **small}.items()
        }
    budgets, tasks = raw.get("budgets"), raw.get("tasks", TASKS)
    steps = [budget for budget in budgets if type(budget) is int] if isinstance(budgets, list) else []
    shares = {task: float(isinstance(tasks, (list, tuple)) and task in tasks) for task in TASKS}
    forced: dict[str, dict[str, Any]] = {
        "warmup": {"loss": "ce"},
        "run": {"steps": max(steps, default=1), "flat": 1.0, "tasks": shares},
    }
    for name, settings in forced.items():
        given = raw.get(name) or {}
        if isinstance(given, dict):  # what is none is refused with the rest
            raw[name] = {"name": name, "kind": "dialogue", **given, **settings}
    return from_mapping(Plan, raw, str(path))
