"""The bench measures what it says: both sides do the same work, and its output can be read by a program and by a
person."""

import json

import pytest

from streamo_app.bench import report
from streamo_app.bench.growth import Growth, Measurement, around, summary
from streamo_app.cli import bench
from streamo_app.config import Parser
from streamo_app.models.loading import save_pretrained
from tests.support import tiny
from tests.support.streams import streaming


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("bench") / "small"
    settings = dict(name="small", window=6, max_pixels=18816, response_bias=-50.0)
    save_pretrained(tiny.model(layers=1), tiny.tokenizer(), path, settings)
    return str(path)


@pytest.fixture(autouse=True)
def loud(monkeypatch):
    """The command makes its whole process quiet; the tests' process stays as it is."""
    monkeypatch.setattr(bench, "quieten", lambda: None)


@pytest.fixture
def short(monkeypatch):
    monkeypatch.setattr(report, "REAL_TIME_S", 1)
    monkeypatch.setattr(report, "CLIP_S", 3)
    monkeypatch.setattr(report, "MARKS", (5, 10))


def run(argv: list[str]) -> int:
    """The command, which raises instead of printing what is wrong."""
    parser = Parser()
    bench.add_arguments(parser)
    return bench.run(parser.parse_args(argv))


@pytest.mark.slow
def test_resending_decides_what_the_lane_decided():
    """With one layer the truncated dialogue is the exact truth, so equal probabilities mean equal work."""
    growth = Growth(streaming(tiny.model(layers=1), window=6))
    for sample in growth.run(20):
        resent = growth.resend()
        assert resent.p == pytest.approx(growth.p, abs=1e-5)
        assert (resent.tokens, resent.frames) == (sample.tokens, min(6, sample.second + 1))


@pytest.mark.slow
def test_json_holds_the_numbers_of_the_issue(folder, short, capsys):
    assert run(["--model", folder, "--seconds", "14", "--json"]) == 0
    out = json.loads(capsys.readouterr().out)
    assert [row["second"] for row in out["growth"]] == [5, 6, 10, 14]
    assert abs(out["growth"][3]["tokens"] - out["growth"][2]["tokens"]) < 40, "a turn or two, not four"
    assert out["growth"][3]["resend_ms"] == out["growth"][1]["resend_ms"] > 0, (
        "the window's own figure stands for all later seconds"
    )
    assert out["full_window"]["ratio"] > 0 and out["flat"] is None
    assert out["file"]["seconds"] == 3 and out["file"]["responses"] == 0
    assert (out["users"]["users"], out["users"]["lanes"]) == (4, 2) and out["users"]["latency_ms_p50"] > 0


@pytest.mark.slow
def test_a_person_reads_a_table(folder, short, capsys):
    assert run(["--model", folder, "--seconds", "4"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "small" in out and "4 users with 2 lanes" in out and "video per second" in out
    assert "times less" not in out, "a run shorter than the window says nothing about it"


def test_flatness_compares_the_end_with_second_200():
    samples = [
        Measurement(n, 1.0, 1.0, 2.0 if n < 500 else 3.0, 2.0 if n < 500 else 3.0, 70, 1000, 5_000_000)
        for n in range(1000)
    ]
    level = report.flat([summary(samples, 1000)], samples, window=20)
    assert (level["early"], level["late"], level["cpu_ratio"], level["rss_grown_mb"]) == (200, 1000, 1.5, 0.0)
    assert {sample.second for sample in around(samples, 200)} == set(range(160, 200))


def test_wrong_arguments_are_one_sentence(folder):
    with pytest.raises(ValueError, match="--seconds 0 measures nothing"):
        run(["--model", folder, "--seconds", "0"])
    with pytest.raises(ValueError, match="no model folder"):
        run(["--model", "/nowhere"])
