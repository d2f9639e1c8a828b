"""Figures that benchmarks keep: next to those of others, shown on their page, and within the stated bounds."""

import json
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

pytest.importorskip("torch")

from benchmarks import (
    hub_bytes,
    install_size,
    measured,
    memory,
    paste_artifacts,
    planning,
    region_shortcuts,
    run,
    scale,
    validating,
)
from tests.cgc_data.mini_release import MiniRelease

DOCS = Path(__file__).parents[2] / "docs"
SCRIPTS: dict[str, tuple[ModuleType, str]] = {
    "hub_bytes": (hub_bytes, "release.md"),
    "install_size": (install_size, "performance.md"),
    "memory": (memory, "release.md"),
    "paste_artifacts": (paste_artifacts, "validate.md"),
    "planning": (planning, "release.md"),
    "region_shortcuts": (region_shortcuts, "validate.md"),
    "run": (run, "performance.md"),
    "scale": (scale, "scale.md"),
    "validating": (validating, "performance.md"),
}
PASTES = {"by": "trees", "photos": "painted", "crops": 4012, "rows": 1203, "from": 600}
FIGURES: dict[str, dict[str, Any]] = {
    "run": {
        "about": {"date": "2026-01-01", "machine": "x", "versions": {}, "rows": 40, "coco_mb": 1.5, "lvis_mb": 0.5},
        "lines": [
            {
                "what": "plan",
                "ours": {"seconds": 2.0, "cpu": 1.0, "peak": 100.0},
                "peer": "pycocotools.COCO()",
                "theirs": {"seconds": 2.0, "cpu": 4.0, "peak": 100.0},
            }
        ],
    },
    "scale": {
        "planned": {
            "rows": 1000,
            "seconds": 60.0,
            "processor seconds": 2.0,
            "peak MB": 300.0,
            "peak MB of a worker": 200.0,
            "plan bytes": 1_000_000,
            "release bytes": 2_000_000,
            "shards": 5,
        },
        "workers": 2,
        "settings": [],
        "stages": {"render inter": 1.0, "render intra": 3.0, "validate": 4.0},
        "stage rows": 1000,
    },
    "hub_bytes": {
        "rows": 1007,
        "shards": 7,
        "files": 80_000_000,
        "images": 120_000_000,
        "chunks": 78_000_000,
        "sent": 74_000_000,
        "removed": [{"photo": 139, "rows": 6, "rewritten": 16_000_000, "chunks": 800_000, "sent": 500_000}],
    },
    "install_size": {
        "packages": {
            "cgc-grounding": {"size": 7.0, "requires": ["lvis", "scipy"]},
            "cycler": {"size": 0.25, "requires": []},
            "lvis": {"size": 0.25, "requires": ["cycler", "opencv-python"]},
            "opencv-python": {"size": 200.0, "requires": ["not-installed"]},
            "scipy": {"size": 140.0, "requires": []},
        },
        "start_seconds": 0.123,
        "start_mb": 22.0,
    },
    "memory": {
        "20000": {
            "photos": 5000,
            "workers": 1,
            "parent": [310, 320, 330, 320],
            "worker": [0, 250, 260, 255],
            "seconds": 9,
        }
    },
    "paste_artifacts": {"painted, trees": {**PASTES, "as built": [0.51, 0.48, 0.54], "planted": [0.95, 0.94, 0.96]}},
    "planning": {
        "full, absent=0, 3000": {
            "preset": "full",
            "settings": ["absent=0"],
            "photos": 118287,
            "rows": 3000,
            "seconds": 18.6,
            "peak": 512,
        }
    },
    "region_shortcuts": {
        "measures": {"place": {"rows": 330, "bound": 0.25, "as built": [0.2, 0.15, 0.24], "planted": [0.7, 0.6, 0.8]}}
    },
    "validating": {"rows": 3002, "ms": {"decoding": 2.5, "everything else": 1.25}},
}
LINES = {
    "hub_bytes": "| without photo 139, 6 rows fewer | 16.00 | 0.80 | 0.50 | 1.0% |",
    "install_size": "| opencv-python | 200 | lvis |",
    "memory": "| 20,000 | 5,000 | 1 | 310 · 320 · 330 · 320 | 0 · 250 · 260 · 255 | 9 |",
    "paste_artifacts": "| 600 painted | trees | 4,012 | 1,203 | 0.510 [0.480, 0.540] | 0.950 [0.940, 0.960] |",
    "planning": "| `full` `absent=0` | 118,287 | 3,000 | 19 | 6.20 | 512 |",
    "validating": "| decoding | 2.50 |",
    "region_shortcuts": "| place | 330 | 0.25 | 0.200 [0.150, 0.240] | 0.700 [0.600, 0.800] |",
    "run": "| plan | 1 | 2 | 100 | pycocotools.COCO() | 4 | 2 | 0.25 |",
    "scale": "| 1,000 | 2 | 1 | 2.00 | 300 | 200 | 1 | 5 |",
}


@pytest.mark.parametrize("script", SCRIPTS)
def test_figures_are_kept_beside_others_and_shown_once(script: str, tmp_path: Path) -> None:
    module, page = SCRIPTS[script]
    (tmp_path / page).write_text(f"before\n{measured.mark(script)}\n{measured.END}\nafter\n", encoding="utf-8")
    measured.keep(tmp_path, "other", page, {"one": 1}, "a table")
    for _ in range(2):
        measured.keep(tmp_path, script, page, FIGURES[script], module.shown(FIGURES[script]))
    assert measured.read(tmp_path, script) == FIGURES[script]
    assert measured.read(tmp_path, "other") == {"one": 1}
    text = (tmp_path / page).read_text(encoding="utf-8")
    assert text.startswith("before\n")
    assert text.count(LINES[script]) == 1
    assert "after\n" in text


def test_pages_show_the_figures_that_are_kept() -> None:
    path = DOCS / measured.FILE
    for script, found in json.loads(path.read_bytes()).items() if path.is_file() else ():
        module, page = SCRIPTS[script]
        text = (DOCS / page).read_text(encoding="utf-8")
        assert f"{measured.mark(script)}\n\n{module.shown(found)}\n{measured.END}" in text


@pytest.mark.parametrize(
    ("as_built", "planted", "sound"),
    [
        ([0.5, 0.4, 0.57], [0.92, 0.8, 0.95], True),
        ([0.5, 0.4, 0.59], [0.92, 0.8, 0.95], False),
        ([0.5, 0.4, 0.5], [0.89, 0.8, 0.95], False),
    ],
)
def test_pastes_may_not_be_told_apart_unless_it_is_planted(
    as_built: list[float], planted: list[float], sound: bool
) -> None:
    assert paste_artifacts.holds({"as built": as_built, "planted": planted}) is sound


@pytest.mark.parametrize(
    ("as_built", "planted", "sound"),
    [
        ([0.1, 0.0, 0.25], [0.5, 0.26, 0.6], True),
        ([0.1, 0.0, 0.26], [0.5, 0.3, 0.6], False),
        ([0.1, 0.0, 0.2], [0.5, 0.25, 0.6], False),
    ],
)
def test_pieces_may_not_be_found_unless_it_is_planted(as_built: list[float], planted: list[float], sound: bool) -> None:
    assert region_shortcuts.holds({"bound": 0.25, "as built": as_built, "planted": planted}) is sound


def test_quarters_hold_all_looks() -> None:
    assert memory.quarters([1.0, 9.0, 2.0, 3.4, 5.0, 1.0, 1.0, 7.0]) == [9, 3, 5, 7]


def test_the_size_of_an_installation_by_package() -> None:
    text = install_size.shown(FIGURES["install_size"])
    assert "| 2 smaller packages | 0 |  |" in text
    assert "| all | 348 |  |" in text
    assert "and their dependencies: `200` MB" in text  # without scipy, which no named library requires
    assert "`0.12` processor seconds, `22` MB" in text


def test_time_counts_once_for_the_innermost_part() -> None:
    clock = validating.Clock()

    def spend() -> int:
        return sum(range(300_000))

    def parts() -> Iterator[int]:
        yield clock.timed(spend, "inner")()

    assert clock.timed(parts, "outer")() == [spend()]
    clock.turn()
    assert 0 < clock.spent["inner"] < sum(clock.spent.values())
    assert clock.spent["outer"] < clock.spent["inner"]


def test_the_functions_that_are_timed_exist_and_validation_is_split_by_them(tmp_path: Path) -> None:
    release = MiniRelease(tmp_path / "mini")
    figures = validating.spent(release.release, [])
    assert figures["rows"] == len(release.rows)
    assert all(figures["ms"][kind] > 0 for kind in ("decoding of images", "comparison of images", validating.REST))
