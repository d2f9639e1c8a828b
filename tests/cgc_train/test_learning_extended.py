"""The extended proof: its short form runs part by part, and its intervals and tables are what they say."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("trl")

from benchmarks import learning_extended as extended
from benchmarks.paired_arms import interval

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_every_part_runs_and_is_compared(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "benchmarks" / "learning_extended.py"), "--quick", "--work", str(tmp_path)]

    def run(*options: str) -> str:
        done = subprocess.run(
            [*command, *options], env=os.environ, capture_output=True, text=True, timeout=850, check=False
        )
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout

    assert run("--list").count("to do") == len(extended.QUICK.parts)
    shown = run()
    assert run("--list").count("done") == len(extended.QUICK.parts)
    for title in extended.TITLES.values():
        assert title in shown
    outcome = extended.read(extended.QUICK, tmp_path)
    for name, found in outcome["comparisons"].items():
        asked = {metric for metric, values in found["metrics"].items() if values is not None}
        assert {"miou", "false_empty", "unreadable"} <= asked, (
            "leakage needs a box, which so short a training gives none"
        )
        assert "hallucination" not in asked or name in ("source", "absent"), "only they have absent rows"
        assert all(seconds > 0 for seconds in outcome["seconds"].values())


@pytest.mark.parametrize(
    ("gains", "clusters", "mean", "sure"),
    [
        ([[0.2] * 6], "aabbcc", 0.2, True),
        ([[0.2] * 6, [0.2] * 6], "aabbcc", 0.2, True),
        ([[1.0] * 6, [-1.0] * 6], "aabbcc", 0.0, False),  # seeds disagree
        ([[1.0, 1.0, 1.0, 1.0, -1.0, -1.0]] * 2, "aabbcc", 1 / 3, False),  # photos disagree
        ([[0.5, None, 0.5, None, 0.5, 0.5]], "aabbcc", 0.5, True),
        ([[None] * 6], "aabbcc", None, False),
    ],
)
def test_intervals_draw_seeds_and_photos(gains: Any, clusters: str, mean: float | None, sure: bool) -> None:
    found, low, high = interval(gains, list(clusters))
    assert found == (None if mean is None else pytest.approx(mean))
    if found is not None and low is not None and high is not None:
        assert low - 1e-9 <= found <= high + 1e-9
        assert (low > 0) is sure


def test_parts_come_after_what_they_start_from() -> None:
    parts = extended.FULL.parts
    assert parts[0] == "releases"
    assert len(set(parts)) == len(parts) == 1 + (5 + 3) + 5 * 2 + 2 * 3 * 2
    arms = [part.split("/") for part in parts if part != "releases" and "warm-up" not in part]
    for name, arm, seed in arms:
        start = "source" if name == "source" else "start"
        assert parts.index(f"{start}/warm-up/{seed}") < parts.index(f"{name}/{arm}/{seed}")


def test_the_table_shows_the_figures_that_were_kept() -> None:
    file = ROOT / "docs" / "learning_extended.json"
    page = (ROOT / "docs" / "learning.md").read_text(encoding="utf-8")
    assert extended.BEGIN in page
    assert extended.END in page
    outcome = json.loads(file.read_bytes())
    assert f"{extended.BEGIN}\n\n{extended.tables(outcome)}\n{extended.END}" in page
    assert tuple(outcome["protocol"]["source_seeds"]) == extended.FULL.source_seeds


def test_the_page_states_what_the_figures_say() -> None:
    found = json.loads((ROOT / "docs" / "learning_extended.json").read_bytes())["comparisons"]

    def differences(name: str, metric: str) -> tuple[list[list[float]], list[float]]:
        values = found[name]["metrics"][metric]
        return values["differences"], values["pooled"]

    leaks, all_leaks = differences("source", "leakage")
    assert sum(high < 0 for _, _, high in leaks) == 4, "leaks less on four of five seeds"
    assert all_leaks[2] < 0, "and over all seeds"
    assert differences("source", "miou")[1][1] > 0, "its R_miou is higher"
    leakage = found["source"]["metrics"]["leakage"]
    starts, means = leakage["start"], leakage["means"]
    fifth = max(range(5), key=lambda seed: leaks[seed][2])
    assert starts[fifth] == max(starts), "whose warm model confused images most"
    assert min(column[fifth] for column in means.values()) > starts[fifth], "neither run improves leakage"
    low, high = differences("source", "hallucination")[1][1:]
    assert low < 0 < high, "hallucination shows no difference over all seeds"
    for name in extended.SETTINGS:
        assert all(high < 0 for _, _, high in differences(name, "miou")[0]), "SFT reaches a higher R_miou"
        assert all(low > 0 for _, low, _ in differences(name, "leakage")[0]), "and leaks less"
        assert differences(name, "unreadable")[1][2] < 0, "its answers are less often readable"
        sft, grpo = (sum(found[name]["seconds"][arm]) for arm in ("sft", "grpo"))
        assert abs(sft / grpo - 1) < 0.1, "for about the same CPU time"
    answered = found["absent"]["metrics"]["hallucination"]
    assert set(answered["start"]) == set(answered["means"]["grpo"]) == {1.0}, "GRPO does not learn to answer []"
    assert max(answered["means"]["sft"]) < 0.3, "SFT learns it"
