"""Results of all runs as tables of text, for the terminal and for Markdown. Numbers are percentages. Sentences about
them: `ablation/findings.py`."""

from collections.abc import Sequence
from dataclasses import dataclass

from finetune.ablation import paper
from finetune.ablation.measures import BASELINE_NAMES, SHOWN, spread
from finetune.ablation.plan import LOSSES, TWO_STATES, Plan, focus_name

NAMES = {"ce": "cross entropy", "scale": "Loss Scale", "focal": "focal + alpha"}
_COLUMNS = ("f1", "balanced", "rec", "ssr", "crr")
_FORWARD = ("rec", "ssr", "crr")


@dataclass(frozen=True)
class Table:
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def markdown(self) -> str:
        lines = ["| " + " | ".join(cells) + " |" for cells in (self.columns, *self.rows)]
        ruler = "|" + "---|" + "---:|" * (len(self.columns) - 1)
        return f"### {self.title}\n\n" + "\n".join([lines[0], ruler, *lines[1:]]) + "\n"


class Summary:
    """Mean and range of each measure over the seeds; None for what was not run."""

    def __init__(self, results: Sequence[dict]):
        self._groups: dict[tuple[str, int], list[dict]] = {}
        for result in results:
            self._groups.setdefault((result["variant"], result["budget"]), []).append(result)

    def get(self, variant: str, budget: int, measure: str, how: str = "plain") -> dict | None:
        """{"mean", "min", "max", "n"} of a measure at the checkpoint's own threshold ("plain") or with the chosen bias
        ("biased")."""
        group = self._groups.get((variant, budget), ())
        if measure == "bias":
            return spread(result.get("bias") for result in group)
        return spread(result[how].get(measure) for result in group if how in result)

    def to_dict(self) -> dict:
        """{variant: {budget: {"plain" | "biased": {measure: spread}, "bias": spread}}}"""
        made: dict = {}
        for variant, budget in self._groups:
            row = {how: {key: self.get(variant, budget, key, how) for key in SHOWN} for how in ("plain", "biased")}
            made.setdefault(variant, {})[str(budget)] = row | {"bias": self.get(variant, budget, "bias")}
        return made


def percent(value: dict | float | None) -> str:
    """41.2 ±3.5: mean over the seeds and half their range; the number alone where there is only one."""
    if value is None:
        return "n/a"
    if not isinstance(value, dict):
        return f"{100 * value:.1f}"
    mean = f"{100 * value['mean']:.1f}"
    return mean if value["n"] == 1 else f"{mean} ±{50 * (value['max'] - value['min']):.1f}"


def tables(summary: Summary, baselines: dict[str, dict], plan: Plan) -> list[Table]:
    return [
        _beside_paper(summary, plan),
        _budgets(summary, plan),
        _baselines(baselines),
        _states(summary, plan),
        _focus(summary, plan),
    ]


def _beside_paper(summary: Summary, plan: Plan) -> Table:
    rows = [
        (NAMES[loss], "ours", *(percent(summary.get(loss, plan.largest, key)) for key in _FORWARD)) for loss in LOSSES
    ]
    for base, printed in paper.TABLE_4.items():
        rows += [(NAMES[loss], f"paper, {base}", *(f"{printed[loss][key]:.2f}" for key in _FORWARD)) for loss in LOSSES]
    columns = ("loss", "source", *(SHOWN[key] for key in _FORWARD))
    return Table(f"(a) Three losses after {plan.largest} steps, next to the paper's Table 4", columns, tuple(rows))


def _budgets(summary: Summary, plan: Plan) -> Table:
    rows = []
    for budget in plan.budgets:
        for how in ("plain", "biased"):
            for loss in LOSSES:
                bias = summary.get(loss, budget, "bias") if how == "biased" else None
                cells = (percent(summary.get(loss, budget, key, how)) for key in _COLUMNS)
                rows.append((NAMES[loss], str(budget), "none" if bias is None else f"{bias['mean']:+.2f}", *cells))
    columns = ("loss", "steps", "bias", *(SHOWN[key] for key in _COLUMNS))
    return Table("(a) At each budget, without and with the bias chosen on validation clips", columns, tuple(rows))


def _baselines(baselines: dict[str, dict]) -> Table:
    rows = tuple(
        (BASELINE_NAMES.get(name, name), *(percent(found.get(key)) for key in _COLUMNS))
        for name, found in baselines.items()
    )
    return Table("Blind baselines on the same clips", ("baseline", *(SHOWN[key] for key in _COLUMNS)), rows)


def _states(summary: Summary, plan: Plan) -> Table:
    keys = ("f1", "responds", "rec", "ssr", "crr", "miou")
    rows = []
    for variant, name in (("focal", "three"), (TWO_STATES, "two")):
        cells = (percent(summary.get(variant, plan.largest, key)) for key in keys)
        rows.append(
            (name, *cells, f"{paper.TABLE_S7[variant]['forward']:.2f}", f"{paper.TABLE_S7[variant]['miou']:.1f}")
        )
    columns = ("states", *(SHOWN[key] for key in keys), "paper: forward", "paper: mIoU")
    return Table(
        f"(b) Three states against two, focal loss, {plan.largest} steps, next to supplement Table 7",
        columns,
        tuple(rows),
    )


def _focus(summary: Summary, plan: Plan) -> Table:
    rows = []
    for alpha in (True, False):
        for gamma in plan.gammas:
            cells = (percent(summary.get(focus_name(gamma, alpha), plan.largest, key)) for key in _COLUMNS)
            rows.append((f"gamma {gamma:g}, alpha {'on' if alpha else 'off'}", *cells))
    columns = ("focal loss", *(SHOWN[key] for key in _COLUMNS))
    return Table(
        f"(c) Gamma and alpha, {plan.largest} steps (0, off is cross entropy; 2, on is the focal loss of (a))",
        columns,
        tuple(rows),
    )
