"""A misspelled key of a row, a manifest, or a summary is a type error, so that nothing reads it in vain."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
RIGHT = """
from cgc_bench.scoring.summary import Summary
from cgc_data.look.stats import release_stats
from cgc_data.metrics import summarise
from cgc_data.release.read import open_release

release = open_release("R")
labels = [row["query"]["labels"] for row in release.rows()]
names = [source["key"] for source in release.manifest["sources"]]
accuracy = summarise([])["acc@0.5"].value
def show(figures: Summary) -> None:
    print(figures["faults"])
total = release_stats(release.batches())["photos"]["distinct"]
"""
MISSPELLED = {
    "row": ("labels", "lables"),
    "manifest": ("sources", "sourcs"),
    "summary": ("acc@0.5", "acc@0.50"),
    "summary of a benchmark": ("faults", "fualts"),
}


def test_each_misspelled_key_is_an_error_and_the_right_ones_are_none(tmp_path: Path) -> None:
    wrong = RIGHT
    for right, misspelled in MISSPELLED.values():
        wrong = wrong.replace(f'"{right}"', f'"{misspelled}"')
    (tmp_path / "right.py").write_text(RIGHT, encoding="utf-8")
    (tmp_path / "wrong.py").write_text(wrong, encoding="utf-8")
    settings = ["--config-file", ROOT / "pyproject.toml", "--cache-dir", tmp_path / "cache", "--no-error-summary"]
    done = subprocess.run(
        [sys.executable, "-m", "mypy", *map(str, settings), "right.py", "wrong.py"],
        cwd=tmp_path, env={"MYPYPATH": f"{ROOT}:{ROOT / 'cards'}", "PATH": ""}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    errors = [line for line in done.stdout.splitlines() if ": error: " in line]
    assert len(errors) == len(MISSPELLED), done.stdout + done.stderr
    for line, (_, misspelled) in zip(errors, MISSPELLED.values(), strict=True):
        assert line.startswith("wrong.py:")
        assert misspelled in line
