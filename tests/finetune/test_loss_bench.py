"""The bench of the loss: both sides do the same work, the figures are theirs, and bad input is one sentence.

Run: python -m pytest tests/finetune/test_loss_bench.py
"""

import json
import subprocess

import pytest

from finetune import loss_bench
from finetune.__main__ import main

pytestmark = pytest.mark.slow

SMALL = ["--vocab", "20000", "--tokens", "1024", "--supervised", "0.1", "--hidden", "16"]


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """What one small run wrote: (figures, files of its folder)."""
    out = tmp_path_factory.mktemp("bench") / "loss.json"
    assert main(["bench-loss", *SMALL, "--json", str(out)]) == 0
    return json.loads(out.read_text()), [path.name for path in out.parent.iterdir()]


def test_the_head_runs_on_a_tenth_of_the_rows_for_the_same_loss_and_gradient(measured):
    result, files = measured
    few, full = result["sides"]["supervised"], result["sides"]["full"]
    assert (few["rows"], full["rows"]) == (102, 1024)
    assert (few["logits_mb"], full["logits_mb"]) == (8.2, 81.9)  # rows x 20,000 x 4 bytes
    assert few["loss"] == pytest.approx(full["loss"], rel=1e-4)
    assert few["weight_gradient_norm"] == pytest.approx(full["weight_gradient_norm"], rel=1e-4)
    assert files == ["loss.json"]


def test_memory_holds_the_logits_and_their_gradient_and_is_less_on_supervised_positions(measured):
    result, _ = measured
    few, full = result["sides"]["supervised"], result["sides"]["full"]
    assert full["step_mb"] > 2 * 81.9
    assert 8.2 < few["step_mb"] < full["step_mb"] / 2
    assert all(side["step_mb"] < side["peak_mb"] and side["seconds"] > 0 for side in (few, full))


def test_the_ratios_are_those_of_the_figures(measured):
    result, _ = measured
    few, full = result["sides"]["supervised"], result["sides"]["full"]
    for name, ratio in result["ratios"].items():
        assert ratio == pytest.approx(full[name] / few[name], abs=0.01)


def test_a_person_reads_both_sides_and_their_ratio(measured, capsys):
    result, _ = measured
    loss_bench.show(result, loss_bench.Console(width=80))
    lines = capsys.readouterr().out.splitlines()
    assert "1,024 tokens, vocabulary 20,000" in lines[0]
    starts = [line.strip().split("  ")[0] for line in lines]
    assert [start for start in starts if start in ("supervised only", "full logits", "full / supervised")] == [
        "supervised only", "full logits", "full / supervised",
    ]  # fmt: skip
    assert f"{result['ratios']['step_mb']:.1f}x" in next(line for line in lines if "full / supervised" in line)
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--vocab", "3"], "--vocab 3 is too small"),
        (["--tokens", "0"], "--tokens 0"),
        (["--hidden", "-1"], "--hidden -1"),
        (["--supervised", "0"], "more than 0 and at most 1"),
        (["--supervised", "1.5"], "more than 0 and at most 1"),
        (["--supervised", "nan"], "more than 0 and at most 1"),
        (["--vocab", "many"], "invalid int value: 'many'"),
        (["--json", "missing/folder/out.json"], "The folder missing/folder does not exist"),
    ],
)
def test_bad_input_is_told_before_anything_is_measured(arguments, message, monkeypatch):
    monkeypatch.setattr(loss_bench, "compare", None)
    with pytest.raises(ValueError, match=message):
        main(["bench-loss", *arguments])


@pytest.mark.parametrize(
    "code, error",
    [(-9, ""), (1, "RuntimeError: DefaultCPUAllocator: can't allocate memory: you tried to allocate ...")],
)
def test_too_little_memory_says_how_much_it_takes_and_what_to_lower(code, error, monkeypatch, tmp_path):
    monkeypatch.setattr(
        loss_bench.subprocess, "run", lambda *args, **kwargs: subprocess.CompletedProcess(args, code, "", error)
    )
    # Supervised rows only, 410 of 4,096: 2 x (410 x 151,936 + (151,936 + 4,096) x 1,024) x 4 bytes
    with pytest.raises(
        ValueError, match=r"supervised only needs about 1\.8 GB, .* lower --tokens, --vocab or --hidden"
    ):
        main(["bench-loss", "--json", str(tmp_path / "out.json")])
    assert not list(tmp_path.iterdir())


def test_a_label_share_of_nearly_nothing_still_has_one_label():
    assert loss_bench.Size(vocab=10, tokens=5, supervised=0.001, hidden=2).labels == 1
