"""The script behind the table of docs/performance.md: its rows, its short form, and what it writes."""

import json
import random
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from benchmarks import plain, run, scale

ROOT = Path(__file__).resolve().parent.parent
COST = {"seconds": 2.0, "cpu": 1.0, "peak": 100.0}
FIGURES: dict[str, Any] = {
    "about": {
        "date": "2026-01-01",
        "machine": "x86_64, Python 3.11.7",
        "versions": {"numpy": "2.0"},
        "rows": 40,
        "coco_mb": 1.5,
        "lvis_mb": 0.5,
    },
    "lines": [{"what": "plan", "ours": COST, "peer": "pycocotools.COCO()", "theirs": {**COST, "cpu": 4.0}}],
}


def inputs(folder: Path, mig: Path | None = None) -> run.Inputs:
    return run.Inputs(folder, folder / "coco.json", folder / "lvis.json", folder, mig, 3)


def test_the_table_has_the_ratio_of_processor_times() -> None:
    text = run.shown(FIGURES)
    assert "| plan | 1 | 2 | 100 | pycocotools.COCO() | 4 | 2 | 0.25 |" in text
    assert "`2026-01-01`" in text


def test_a_line_takes_the_cheapest_run_of_either_side(tmp_path: Path) -> None:
    ours, theirs = ([run.Cost(1.0, cpu, 1.0) for cpu in costs] for costs in ((3, 2, 5), (7, 8, 6)))
    one, other = iter(ours), iter(theirs)
    found = run.line("x", lambda _: next(one), "peer", lambda _: next(other))[1](inputs(tmp_path), 3)
    assert (found.ours.cpu, found.theirs.cpu) == (2, 6)


def test_scoring_is_measured_if_the_annotations_are_given(tmp_path: Path) -> None:
    assert len(run.measures(inputs(tmp_path, tmp_path / "mig.json"))) == len(run.measures(inputs(tmp_path))) + 1


def test_new_rows_replace_those_of_their_stage() -> None:
    known = [{"what": "plan", "ratio": 1}, {"what": "validate", "ratio": 2}]
    assert run.merged(known, [{"what": "validate", "ratio": 3}]) == [known[0], {"what": "validate", "ratio": 3}]


@pytest.mark.parametrize("contrast", ["inter", "intra", "both"])
def test_the_plain_script_makes_rows_of_images(tmp_path: Path, contrast: str) -> None:
    for number in range(3):
        Image.new("RGB", (64, 48), (number, 0, 0)).save(tmp_path / f"{number}.jpg")
    made = list(plain.rows(contrast, 4, tmp_path))
    assert [len(row["images"]) for row in made] == [plain.SHOWN] * 4
    assert len(plain.window(tmp_path / "0.jpg", random.Random(0))) > 100


def test_a_measurement_in_a_process_of_its_own(tmp_path: Path) -> None:
    cost = run.within("json_answers", inputs(tmp_path))
    assert 0 < cost.cpu < 60
    assert cost.peak > 1


@pytest.mark.slow
def test_the_short_form_measures_every_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "performance.md").write_text((ROOT / "docs/performance.md").read_text())
    monkeypatch.setattr("sys.argv", ["run.py", "--quick", "--docs", str(tmp_path)])
    run.main()
    kept = json.loads((tmp_path / "measured.json").read_text())["run"]
    assert [entry["what"] for entry in kept["lines"]][-2:] == ["validate", "reward"]
    assert all(entry["ours"]["cpu"] > 0 < entry["theirs"]["cpu"] for entry in kept["lines"])
    assert "| whole build |" in (tmp_path / "performance.md").read_text()


def test_the_readme_states_the_measured_ratios() -> None:
    lines = json.loads((ROOT / "docs/measured.json").read_text())["run"]["lines"]
    ratios = {line["what"]: f"`{line['ours']['cpu'] / line['theirs']['cpu']:.2g}`" for line in lines}
    claim = (
        f"CGC needs {ratios['index of COCO, cold']} times the processor time of pycocotools to read COCO's annotations"
        f", and {ratios['render intra']} times the processor time of a plain script to render windows (crops)"
    )
    assert claim in (ROOT / "README.md").read_text()


def test_the_arithmetic_of_scale_is_proportional_to_the_rows() -> None:
    text = scale.computed(scale.PerRow(plan=0.0036, render=0.0072, validate=0.0, bytes=1000))
    assert "| 1,000,000 | 1 | 2 | 0 | 0.047 | 1 GB |" in text
    assert "| 100,000,000 | 100 | 200 | 0 | 4.7 | 100 GB |" in text
