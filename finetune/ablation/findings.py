"""What the numbers say in sentences, and nothing that they do not say."""

from finetune.ablation import paper
from finetune.ablation.measures import SHOWN
from finetune.ablation.plan import LOSSES, TWO_STATES, Plan, focus_name
from finetune.ablation.tables import NAMES, Summary, percent


def sentences(summary: Summary, plan: Plan) -> list[str]:
    """Orders, gaps and bests; what was not run is left out."""
    last = plan.largest
    said = []
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
        both = [summary.get(name, last, key) for name in ("focal", TWO_STATES)]
        if None not in both:
            said.append(
                f"Three states against two, {SHOWN[key]}: {percent(both[0])} against {percent(both[1])}{_overlap(*both)}."
            )
    for alpha in (True, False):
        row = {gamma: summary.get(focus_name(gamma, alpha), last, "f1") for gamma in plan.gammas}
        listed = ", ".join(f"{gamma:g}: {percent(value)}" for gamma, value in row.items() if value is not None)
        said += [f"Alpha {'on' if alpha else 'off'}, timing F1 by gamma: {listed}."] if listed else []
    return [line for line in said if not line.endswith(": .")]


def _order(summary: Summary, budget: int, key: str, how: str = "plain") -> str:
    """ "" where one of the losses was not run."""
    found = {loss: summary.get(loss, budget, key, how) for loss in LOSSES}
    if None in found.values():
        return ""
    order = sorted(paper.ORDER, key=lambda loss: -found[loss]["mean"])  # of equal ones the paper's order
    listed = NAMES[order[0]] + " " + percent(found[order[0]])
    for one, other in zip(order, order[1:]):
        sign = "=" if found[one]["mean"] == found[other]["mean"] else ">"
        listed += (
            f" {sign} {NAMES[other]} {percent(found[other])}{_overlap(found[one], found[other]) if sign == '>' else ''}"
        )
    if len({found[loss]["mean"] for loss in LOSSES}) < len(LOSSES):
        return f"{listed} (no full order)"
    return f"{listed} ({'the paper' if tuple(order) == paper.ORDER else 'not the paper'}'s order)"


def _overlap(one: dict, other: dict) -> str:
    """Whether the seeds of one lie among those of the other."""
    return (
        " (ranges overlap)"
        if min(one["n"], other["n"]) > 1 and one["min"] <= other["max"] and other["min"] <= one["max"]
        else ""
    )


def _gap(summary: Summary, budget: int, how: str) -> float | None:
    focal, ce = (summary.get(name, budget, "f1", how) for name in ("focal", "ce"))
    return None if focal is None or ce is None else focal["mean"] - ce["mean"]


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]
