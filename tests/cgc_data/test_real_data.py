"""A release of real COCO and LVIS photos: built, validated from the raw sources, and read by anyone."""

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from filelock import FileLock

from cgc_data import open_release
from cgc_data.tasks import TASKS
from tests.cgc_data.reading import read_without_package

COMMAND = Path(sys.executable).with_name("cgc-data")
SAMPLES = 400


@pytest.fixture(scope="session")
def real_release(real_data: Path, shared: Path) -> Path:
    out, coco, lvis = shared / "real" / "release", real_data / "coco_sample", real_data / "lvis_sample"
    of_coco, of_lvis = f"{coco / 'instances.json'}:{coco / 'images'}", f"{lvis / 'lvis.json'}:{lvis / 'images'}"
    command = [COMMAND, "build", "--coco", of_coco, "--lvis", of_lvis, "--samples", str(SAMPLES), "--out", out]
    with FileLock(shared / "real.lock"):
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=280)
    assert done.returncode == 0, done.stderr
    return out


def test_it_has_every_task_and_rejects_few_rows(real_release: Path) -> None:
    manifest = open_release(real_release).manifest
    assert set(manifest["counts"]["by_task"]) == set(TASKS)
    assert 0.9 * SAMPLES <= manifest["counts"]["total"] <= 1.1 * SAMPLES
    assert "broken photo" not in manifest["rejected"]
    empty = sum(not row["objects"] for row in open_release(real_release).rows(["objects"]))
    assert empty <= 0.15 * manifest["counts"]["total"]


def test_validate_derives_it_anew_and_accepts_it(real_release: Path) -> None:
    done = subprocess.run([COMMAND, "validate", real_release], capture_output=True, text=True, check=False, timeout=280)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr


def test_it_is_read_without_this_package(real_release: Path, tmp_path: Path) -> None:
    found = read_without_package(real_release, tmp_path)
    assert (
        sum(facts["rows"] for facts in found["default"].values())
        == open_release(real_release).manifest["counts"]["total"]
    )
    assert all(facts["sizes_as_in_views"] for contrast in ("inter", "intra") for facts in found[contrast].values())


def test_photos_of_val2017_are_held_out(real_release: Path) -> None:
    splits = Counter(row["split"] for row in open_release(real_release).rows(["split"]))
    assert splits["test"] > 0
    for row in open_release(real_release).rows(["views", "split"]):
        for view in row["views"]:
            assert row["split"] == "test" or not view["file_name"].startswith("val2017/")


def test_what_warrants_absence_is_exhaustive_negative_or_above(real_release: Path) -> None:
    warrants = Counter(
        entry["warrant"].split(":")[0]
        for row in open_release(real_release).rows(["evidence"], contrast="inter")
        for entry in row["evidence"]
    )
    assert set(warrants) <= {"exhaustive", "negative", "hypernym"}
    assert warrants["exhaustive"] > 0
