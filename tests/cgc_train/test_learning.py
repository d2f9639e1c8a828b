"""The proof that training learns, in its short form: every part of it runs and is measured; nothing is learned yet."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("trl")

from datasets import Dataset

from benchmarks import learning, learning_page

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_every_part_runs_and_is_measured(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "benchmarks" / "learning.py"), "--quick", "--seeds", "0", "--jobs", "1"]
    done = subprocess.run(
        [*command, "--work", str(tmp_path)], env=os.environ, capture_output=True, text=True, timeout=850, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    for arm in learning.QUICK.arms:
        assert f"| {learning_page.ARMS[arm]} | 0 |" in done.stdout
    outcome = json.loads((tmp_path / "learning.json").read_bytes())["seeds"]["0"]
    for curve in outcome.values():
        assert {"0", "4"} <= curve.keys()
        assert all("sampled reward" in curve[step] for step in ("0", "4"))
    warm = [json.loads(line) for line in (tmp_path / "seed-0" / "warm" / "metrics.jsonl").open()]
    losses = [line["loss"] for line in warm if "loss" in line]
    assert losses[-1] < losses[0] / 2, "the warm-up learns"


def test_permuted_rows_keep_their_questions_and_all_solutions() -> None:
    solutions = ["task", "contrast", "query", "objects", "views", "evidence", "pair_id", "difficulty", "answer"]
    rows = Dataset.from_list(
        [{"id": f"q{n}", "prompt": f"p{n}", **{name: f"{name} {n}" for name in solutions}} for n in range(40)]
    )
    dealt = learning.permuted(rows, seed=0)
    assert dealt["id"] == rows["id"]
    assert dealt["prompt"] == rows["prompt"]
    assert sorted(dealt["answer"]) == sorted(rows["answer"])
    assert sum(a == b for a, b in zip(dealt["answer"], rows["answer"], strict=True)) < 5
    assert all(row["answer"].split()[1] == row["objects"].split()[1] for row in dealt), "a solution stays in one piece"


def test_the_page_says_what_was_seen() -> None:
    """The claim of the page, compared with its own table: a rise on most seeds, none of the control."""
    text = (ROOT / "docs" / "learning.md").read_text(encoding="utf-8")
    rises: dict[str, list[float]] = {}
    for line in text.splitlines():
        for arm, name in learning_page.ARMS.items():
            if line.startswith(f"| {name} |"):
                before, after = re.findall(r"\d+\.\d+", line.split("|")[3])
                rises.setdefault(arm, []).append(float(after) - float(before))
    assert {arm: len(found) for arm, found in rises.items()} == dict.fromkeys(learning_page.ARMS, 3)
    assert sum(rise >= 0.15 for rise in rises["grpo"]) >= 2
    assert all(rise <= 0 for rise in rises["permuted"])
