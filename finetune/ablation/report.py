"""The report of an ablation: ablation.json with every number, ablation.md with the tables, ablation.png; and the tables
in the terminal."""

from dataclasses import asdict
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table as RichTable

from finetune.ablation import paper
from finetune.ablation.figure import draw_figure
from finetune.ablation.findings import sentences
from finetune.ablation.plan import Plan
from finetune.ablation.tables import Summary, Table, tables
from streamo_app.files import atomic_write, write_json

KEPT_FROM = "## Interpretation"
"""Text of ablation.md from this line on is written by hand and kept."""
_NOTES = (
    "Every variant starts from the same warmed-up weights (practice on still frames with plain cross entropy) and sees "
    "the same training samples at the same steps; a seed sets the data order and nothing else. The learning rate stays "
    "constant after a short warm-up, so all budgets are checkpoints of one run.",
    "Numbers are percentages on held-out clips, streamed on the model's own past: mean over the seeds ± half their "
    "range. Timing F1 is within 1 s, mean over tasks; balanced accuracy is that of the states, over all turns from the "
    "question on.",
    "REC, SSR and CRR stand in for the paper's columns (`finetune/ablation/measures.py`). REC is the latest-answer "
    "accuracy of counting, second by second from the first expected answer on. SSR asks at each second whether the "
    "event is under way, which standby affirms: the mean of the accuracy inside and outside it. CRR asks at each "
    "second whether the model has answered by then: the mean of the accuracy before and after the first answer is "
    "expected. Their levels cannot be compared with the paper's, but with the blind baselines in the third table.",
    "The response bias is the one with the best timing F1 on validation clips, on the gold past, from the state logits "
    "of one forward pass.",
    "With two states, standby becomes silence in every label and in the past that the model reads, and alpha uses "
    '|S| = 2. The balanced accuracy is then over two states; "respond or not" asks the same question of every model.',
)


def document(plan: Plan, results: list[dict], baselines: dict[str, dict], about: dict) -> dict:
    """Everything as plain JSON. about: command, machine, times and the like, put first."""
    summary = Summary(results)
    return about | {
        "notes": list(_NOTES),
        "summary": summary.to_dict(),
        "floors": baselines,
        "sentences": sentences(summary, plan),
        "paper": {"table_4": paper.TABLE_4, "table_s7": paper.TABLE_S7},
        "plan": asdict(plan),
        "runs": results,
    }


def write(
    out: Path,
    plan: Plan,
    results: list[dict],
    baselines: dict[str, dict],
    about: dict,
    numbers_out: Path | None = None,
) -> list[Path]:
    """Writes the three files atomically and returns their paths: ablation.json into `numbers_out` (`out` where None),
    ablation.md and ablation.png into `out`."""
    summary = Summary(results)
    numbers = (numbers_out or out) / "ablation.json"
    text, picture = out / "ablation.md", out / "ablation.png"
    write_json(numbers, document(plan, results, baselines, about))
    with atomic_write(text) as tmp:
        tmp.write_text(markdown(plan, summary, baselines, about, _by_hand(text)), encoding="utf-8")
    draw_figure(picture, summary, plan, baselines)
    return [numbers, text, picture]


def markdown(plan: Plan, summary: Summary, baselines: dict[str, dict], about: dict, by_hand: str = "") -> str:
    parts = ["# The paper's ablations in miniature", "![the ablation as a figure](ablation.png)", *_NOTES]
    parts.append(
        f"Made by `{about['command']}` on {about['machine']} ({about['cores']} cores): "
        f"{about['core_minutes']:.0f} core minutes in all, {about['minutes']:.0f} minutes of wall time with up to "
        f"{about['workers']} processes; configuration {about['config']}."
    )
    parts += [table.markdown().rstrip() for table in tables(summary, baselines, plan)]
    parts += [
        "## What we saw",
        "\n".join(f"- {line}" for line in sentences(summary, plan)) or "Nothing yet: no run is finished.",
    ]
    return "\n\n".join(parts + ([by_hand.rstrip()] if by_hand else [])) + "\n"


def _by_hand(path: Path) -> str:
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    at = text.find(KEPT_FROM)
    return "" if at < 0 else text[at:]


def show(plan: Plan, results: list[dict], baselines: dict[str, dict], console: Console) -> None:
    """Prints the tables."""
    summary = Summary(results)
    for table in tables(summary, baselines, plan):
        console.print(_rich(table))
    for line in sentences(summary, plan):
        console.print(line, highlight=False, soft_wrap=True)


def _rich(table: Table) -> RichTable:
    made = RichTable(title=table.title, title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for number, name in enumerate(table.columns):
        made.add_column(name, justify="right" if number else "left")
    for row in table.rows:
        made.add_row(*row)
    return made
