"""What an ablation runs: sizes and budgets from YAML, and the variants that are compared. No torch.

Every variant starts from the same warmed-up weights and sees the same rows at the same steps: the seed of a run draws
the data order and nothing else. The learning rate stays flat after a short rise, so that one run, looked at on its way,
serves all budgets.
"""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from finetune.config import Stage, from_mapping, read_yaml, shaping
from finetune.world.street.tasks import TASKS


@dataclass(frozen=True)
class Plan:
    """One ablation; raises ValueError with one sentence for what cannot be run."""

    warmup: Stage
    """Practice over loose frames with plain cross entropy, once for all variants."""
    run: Stage
    """Of every variant; its steps are the largest budget, its loss is the variant's."""
    budgets: tuple[int, ...]
    """Optimizer steps at which a run is measured, rising."""
    base: str = "streamo-tiny"
    """Model folder whose tokenizer and frozen vision tower all variants share."""
    model: dict[str, int] = field(default_factory=dict)
    """Sizes of the fresh language model (`tiny.tiny_config`)."""
    seed: int = 0
    """Of the first weights, the loose frames and the warm-up."""
    seeds: tuple[int, ...] = (1, 2, 3)
    """Data orders, one run each."""
    stills: int = 4000
    """Loose frames."""
    clips: int = 300
    """Training clips."""
    clip_seconds: int = 32
    validation_clips: int = 8
    """For the choice of a bias."""
    test_clips: int = 18
    held_out_seconds: int = 28
    """Of each validation and test clip."""
    tasks: tuple[str, ...] = TASKS
    """Tasks of training, validation and test."""
    wordings: str = "train"
    """Of the held-out clips' instructions: train or heldout."""
    fixed_weights: tuple[float, ...] = (0.3, 1.3, 2.0)
    """Loss Scale: weights of silence, standby, response."""
    gammas: tuple[float, ...] = (0, 1, 2, 3)
    biases: tuple[float, float, float] = (-4.0, 4.0, 0.25)
    """Lowest and highest bias of the response that is tried, and the step between."""

    def __post_init__(self):
        if not self.budgets or list(self.budgets) != sorted(set(self.budgets)) or self.budgets[0] < 1:
            raise ValueError(f"budgets are {list(self.budgets)}; give rising numbers of steps from 1.")
        if unknown := sorted(set(self.tasks) - set(TASKS)):
            raise ValueError(f"{unknown[0]!r} is not a task; take some of {', '.join(TASKS)}.")
        if not self.seeds or min(self.stills, self.clips, self.validation_clips, self.test_clips) < 1:
            raise ValueError(
                "An ablation needs at least one seed, one loose frame, and one clip to train, to choose and to test on."
            )
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
    return {(0, False): "ce", (2, True): "focal"}.get((gamma, alpha), f"gamma{gamma:g}{'-alpha' if alpha else ''}")


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
    if smoke:
        raw = {
            key: {**raw[key], **value} if isinstance(raw.get(key), dict) and isinstance(value, dict) else value
            for key, value in {**raw, **small}.items()
        }
    budgets = raw.get("budgets") or ()
    steps = {"run": max(budgets, default=1)}
    shares = {task: float(task in raw.get("tasks", TASKS)) for task in TASKS}
    forced = {"run": {"steps": steps["run"], "flat": 1.0, "tasks": shares}, "warmup": {"loss": "ce"}}
    for name in ("warmup", "run"):
        given = {"name": name, "kind": "dialogue", **(raw.get(name) or {}), **forced[name]}
        raw[name] = from_mapping(Stage, given, f"{path}: {name}")
    return from_mapping(Plan, raw, str(path))
