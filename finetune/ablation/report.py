"""What an ablation leaves behind: ablation.json with every number, ablation.md with the tables, ablation.png; and the
tables in the terminal."""

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

KEPT_FROM = "## What we make of it"
"""What stands in ablation.md from this line on is written by hand and kept."""
_NOTES = (
    "Every variant starts from the same warmed-up weights (practice over loose frames with plain cross entropy) and sees the same rows at the same"
    " steps; a seed is a data order and changes nothing else. The rate stays flat after a short rise, so that the budgets are looks at one run.",
    "Numbers are per cent on held-out clips, streamed on the model's own past: mean over the seeds ± half the way from their least to their greatest. Timing F1 is"
    " within 1 s, mean over tasks; balanced accuracy is over the states of each turn from the question on.",
    "REC, SSR and CRR stand in for the paper's columns (`finetune/ablation/measures.py`): the number held is right, second by second, from the first"
    " answer due; the event is under way, told by standby, mean of inside and outside; answered by then, mean of before and after the first answer"
    " is due. Their levels are not the paper's: what never looking scores is in a table of its own.",
    "The bias of the response is the one with the best timing F1 on validation clips, on the gold past, from the state logits of one forward pass.",
    "With two states standby is silence in every label and in the past that is read, and alpha is that of |S| = 2. Its balanced accuracy is over"
    " two states; \"respond or not\" is the same question for all.",
)  # fmt: skip


def document(plan: Plan, results: list[dict], floors: dict[str, dict], about: dict) -> dict:
    """All of it as plain JSON. about: command, machine, times and the like, put first."""
    summary = Summary(results)
    return about | {
        "notes": list(_NOTES),
        "summary": summary.to_dict(),
        "floors": floors,
        "sentences": sentences(summary, plan),
        "paper": {"table_4": paper.TABLE_4, "table_s7": paper.TABLE_S7},
        "plan": asdict(plan),
        "runs": results,
    }


def write(out: Path, plan: Plan, results: list[dict], floors: dict[str, dict], about: dict) -> list[Path]:
    """The three files, each written beside and then renamed."""
    summary = Summary(results)
    numbers, words, picture = (out / f"ablation.{ending}" for ending in ("json", "md", "png"))
    write_json(numbers, document(plan, results, floors, about))
    with atomic_write(words) as tmp:
        tmp.write_text(markdown(plan, summary, floors, about, _by_hand(words)), encoding="utf-8")
    draw_figure(picture, summary, plan, floors)
    return [numbers, words, picture]


def markdown(plan: Plan, summary: Summary, floors: dict[str, dict], about: dict, by_hand: str = "") -> str:
    parts = ["# The paper's ablations in miniature", "![the ablation as a picture](ablation.png)", *_NOTES]
    times = f"{about['core_minutes']:.0f} minutes of one core in all, {about['minutes']:.0f} minutes on the clock with up to {about['workers']} processes"
    parts.append(
        f"Made by `{about['command']}` on {about['machine']} ({about['cores']} cores): {times}; configuration {about['config']}."
    )
    parts += [table.markdown().rstrip() for table in tables(summary, floors, plan)]
    parts += [
        "## What we saw",
        "\n".join(f"- {line}" for line in sentences(summary, plan)) or "Nothing yet: no run is finished.",
    ]
    return "\n\n".join(parts + ([by_hand.rstrip()] if by_hand else [])) + "\n"


def _by_hand(path: Path) -> str:
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    at = text.find(KEPT_FROM)
    return "" if at < 0 else text[at:]


def show(plan: Plan, results: list[dict], floors: dict[str, dict], console: Console) -> None:
    """Prints the tables."""
    summary = Summary(results)
    for table in tables(summary, floors, plan):
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
