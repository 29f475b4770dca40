"""The ablation as one figure: ours next to the paper's Table 4, budgets, gamma and alpha, three states against two.
Numbers are made elsewhere."""

from pathlib import Path

from finetune.ablation import paper
from finetune.ablation.measures import SHOWN
from finetune.ablation.plan import LOSSES, TWO_STATES, Plan, focus_name
from finetune.ablation.tables import NAMES, Summary
from streamo_app.files import atomic_write

_COLOURS = {"ce": "#7f7f7f", "scale": "#e0973b", "focal": "#2f6db3"}
_FORWARD = ("rec", "ssr", "crr")


def draw_figure(path: Path, summary: Summary, plan: Plan, baselines: dict[str, dict]) -> None:
    """Writes the PNG; bars and points are means over the seeds, whiskers their minimum and maximum."""
    from matplotlib.figure import Figure  # without pyplot: no window, no state of its own

    figure = Figure(figsize=(15, 8.2), layout="constrained")
    axes = figure.subplots(2, 3)
    _ours(axes[0, 0], summary, plan, baselines)
    _papers(axes[0, 1])
    _budgets(axes[0, 2], summary, plan, baselines)
    _focus(axes[1, 0], summary, plan, "f1")
    _focus(axes[1, 1], summary, plan, "balanced")
    _states(axes[1, 2], summary, plan)
    for ax in axes.flat:
        ax.spines[["top", "right"]].set_visible(False)
        ax.set_ylim(0, max(10.0, 1.35 * ax.get_ylim()[1]))  # room for the legend
        if ax.get_legend_handles_labels()[0]:
            ax.legend(loc="upper left", ncols=2, frameon=False, fontsize=8, handlelength=3)
    with atomic_write(path) as tmp:
        figure.savefig(tmp, dpi=100, format="png")


def _bar(ax, at: float, value: dict | None, width: float, **look) -> None:
    if value is None:
        return
    mean, low, high = (100 * value[key] for key in ("mean", "min", "max"))
    ax.bar(at, mean, width, yerr=[[mean - low], [high - mean]], capsize=3, error_kw={"lw": 1}, **look)


def _ours(ax, summary: Summary, plan: Plan, baselines: dict[str, dict]) -> None:
    for place, key in enumerate(_FORWARD):
        for number, loss in enumerate(LOSSES):
            label = NAMES[loss] if place == 0 else None
            _bar(
                ax,
                place + 0.27 * (number - 1),
                summary.get(loss, plan.largest, key),
                0.25,
                color=_COLOURS[loss],
                label=label,
            )
        silence = baselines.get("silence", {}).get(key)
        if silence is not None:
            label = "never responding" if place == 0 else None
            ax.hlines(
                100 * silence, place - 0.42, place + 0.42, colors="black", linestyles="dotted", lw=1.2, label=label
            )
    ax.set_xticks(range(3), [SHOWN[key] for key in _FORWARD])
    ax.set_title(f"ours: stand-ins, {plan.largest} steps, seeds: {len(plan.seeds)} (%)")


def _papers(ax) -> None:
    for place, key in enumerate(_FORWARD):
        for number, loss in enumerate(LOSSES):
            for side, (base, rows) in enumerate(paper.TABLE_4.items()):
                look = dict(
                    color=_COLOURS[loss],
                    alpha=1.0 if side == 0 else 0.55,
                    hatch=None if side == 0 else "//",
                    edgecolor="white",
                )
                label = f"{NAMES[loss]}, {base}" if place == 0 else None
                ax.bar(place + 0.27 * (number - 1) + 0.12 * (side - 0.5), rows[loss][key], 0.115, label=label, **look)
    ax.set_xticks(range(3), [SHOWN[key] for key in _FORWARD])
    ax.set_title("the paper's Table 4: OVO-Bench (%)")


def _budgets(ax, summary: Summary, plan: Plan, baselines: dict[str, dict]) -> None:
    for number, loss in enumerate(LOSSES):
        for how, line in (("plain", "-"), ("biased", "--")):
            found = {budget: summary.get(loss, budget, "f1", how) for budget in plan.budgets}
            known = {budget: value for budget, value in found.items() if value is not None}
            if known:
                x = [budget * (1 + 0.015 * (number - 1)) for budget in known]  # side by side, not on one another
                mean = [100 * value["mean"] for value in known.values()]
                errors = [
                    [m - 100 * value["min"] for m, value in zip(mean, known.values(), strict=True)],
                    [100 * value["max"] - m for m, value in zip(mean, known.values(), strict=True)],
                ]
                label = NAMES[loss] if how == "plain" else f"{NAMES[loss]}, best bias"
                ax.errorbar(x, mean, errors, fmt=f"o{line}", ms=4, capsize=3, lw=1.6, color=_COLOURS[loss], label=label)
    best = max((found["f1"] for found in baselines.values() if found.get("f1") is not None), default=None)
    if best is not None:
        ax.axhline(100 * best, color="black", linestyle="dotted", lw=1.2, label="best blind baseline")
    ax.set_xscale("log", base=2)
    ax.set_xticks(plan.budgets, [str(budget) for budget in plan.budgets])
    ax.minorticks_off()
    ax.set_xlabel("steps")
    ax.set_title("timing F1 within 1 s, mean over tasks (%)")


def _focus(ax, summary: Summary, plan: Plan, key: str) -> None:
    for number, alpha in enumerate((True, False)):
        for place, gamma in enumerate(plan.gammas):
            look = dict(
                color="#2f6db3" if alpha else "#a9c4e4",
                label=f"alpha {'on' if alpha else 'off'}" if place == 0 else None,
            )
            _bar(
                ax,
                place + 0.36 * (number - 0.5),
                summary.get(focus_name(gamma, alpha), plan.largest, key),
                0.34,
                **look,
            )
    ax.set_xticks(range(len(plan.gammas)), [f"gamma {gamma:g}" for gamma in plan.gammas])
    ax.set_title(f"{SHOWN[key]}, {plan.largest} steps (%)")


def _states(ax, summary: Summary, plan: Plan) -> None:
    keys = ("f1", "responds", "rec", "crr", "miou")
    for number, (variant, name) in enumerate((("focal", "three states"), (TWO_STATES, "silence and response"))):
        for place, key in enumerate(keys):
            look = dict(color=("#2f6db3", "#7fb58a")[number], label=name if place == 0 else None)
            _bar(ax, place + 0.36 * (number - 0.5), summary.get(variant, plan.largest, key), 0.34, **look)
        ax.plot(
            len(keys) - 1 + 0.36 * (number - 0.5),
            paper.TABLE_S7[variant]["miou"],
            "D",
            ms=6,
            color="black",
            label="paper, 3B" if number else None,
        )
    ax.set_xticks(range(len(keys)), [SHOWN[key].replace(" ", "\n", 1) for key in keys])
    ax.set_title(f"three states against two, focal loss, {plan.largest} steps (%)")
