"""The results of an ablation in sentences, which say nothing that the numbers do not say."""

from itertools import pairwise

from finetune.ablation import paper
from finetune.ablation.measures import SHOWN
from finetune.ablation.plan import LOSSES, TWO_STATES, Plan, focus_name
from finetune.ablation.tables import NAMES, Summary, percent


def sentences(summary: Summary, plan: Plan) -> list[str]:
    """Order of the losses, gaps between variants, effect of gamma; what was not run is left out."""
    last = plan.largest
    said: list[str] = []
    for how, words in (("plain", ""), ("biased", " with the chosen bias")):
        said += [
            f"Timing F1 after {budget} steps{words}: {_order(summary, budget, 'f1', how)}." for budget in plan.budgets
        ]
    said += [
        f"{_capital(SHOWN[key])} after {last} steps: {_order(summary, last, key)}."
        for key in ("balanced", "rec", "ssr", "crr")
    ]
    for how, words in (("plain", "at the model's own threshold"), ("biased", "with the chosen bias")):
        gaps = [(budget, _gap(summary, budget, how)) for budget in plan.budgets]
        listed = ", ".join(f"{100 * gap:+.1f} after {budget} steps" for budget, gap in gaps if gap is not None)
        said += [f"Focal minus cross entropy, timing F1 {words}: {listed}."] if listed else []
    for key in ("f1", "responds", "rec", "crr", "miou"):
        three, two = (summary.get(name, last, key) for name in ("focal", TWO_STATES))
        if three is not None and two is not None:
            compared = f"{percent(three)} against {percent(two)}{_overlap(three, two)}"
            said.append(f"Three states against two, {SHOWN[key]}: {compared}.")
    for alpha in (True, False):
        row = {gamma: summary.get(focus_name(gamma, alpha), last, "f1") for gamma in plan.gammas}
        listed = ", ".join(f"{gamma:g}: {percent(value)}" for gamma, value in row.items() if value is not None)
        said += [f"Alpha {'on' if alpha else 'off'}, timing F1 by gamma: {listed}."] if listed else []
    return [line for line in said if not line.endswith(": .")]


def _order(summary: Summary, budget: int, key: str, how: str = "plain") -> str:
    """The losses from best to worst; "" where one of them was not run."""
    found = {loss: value for loss in LOSSES if (value := summary.get(loss, budget, key, how)) is not None}
    if len(found) < len(LOSSES):
        return ""
    order = sorted(paper.ORDER, key=lambda loss: -found[loss]["mean"])  # of equal ones the paper's order
    listed = NAMES[order[0]] + " " + percent(found[order[0]])
    for one, other in pairwise(order):
        equal = found[one]["mean"] == found[other]["mean"]
        listed += f" {'=' if equal else '>'} {NAMES[other]} {percent(found[other])}"
        listed += "" if equal else _overlap(found[one], found[other])
    if len({value["mean"] for value in found.values()}) < len(LOSSES):
        return f"{listed} (no full order)"
    return f"{listed} ({'the paper' if tuple(order) == paper.ORDER else 'not the paper'}'s order)"


def _overlap(one: dict, other: dict) -> str:
    """Says so where the ranges of two measures over several seeds overlap."""
    several = min(one["n"], other["n"]) > 1
    return " (ranges overlap)" if several and one["min"] <= other["max"] and other["min"] <= one["max"] else ""


def _gap(summary: Summary, budget: int, how: str) -> float | None:
    focal, ce = (summary.get(name, budget, "f1", how) for name in ("focal", "ce"))
    return None if focal is None or ce is None else focal["mean"] - ce["mean"]


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]
