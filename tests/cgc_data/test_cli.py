"""The installed command: an error is a single line on stderr with the file and the fix."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml

from cgc_data import open_release
from cgc_data.cli import COMMANDS
from cgc_data.config import BuildConfig, Source
from tests.cgc_data.drawn import Thing, coco

COMMAND = Path(sys.executable).with_name("cgc-data")


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "COLUMNS": "200", "NO_COLOR": "1"}
    return subprocess.run(
        [COMMAND, *arguments],
        capture_output=True,
        text=True,
        env=env,
        check=False,
        timeout=120,
        stdin=subprocess.DEVNULL,
    )


def refused(done: subprocess.CompletedProcess[str], *said: str) -> None:
    """Exit status 2 and one line on stderr, after lines of progress, that contains all of this."""
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("cgc-data: ")]
    assert len(lines) == 1, done.stderr
    assert lines[0] == done.stderr.splitlines()[-1]
    for part in said:
        assert part in lines[0]


@pytest.fixture
def source(tmp_path: Path) -> Source:
    """Twelve photos, each with one dog and one cat."""
    things = [Thing("dog", (20, 40, 90, 80)), Thing("cat", (180, 100, 100, 90))]
    return coco(tmp_path / "data", {f"{n:012d}.jpg": things for n in range(12)})


def given(source: Source) -> list[str]:
    return ["--coco", f"{source.annotations}:{source.images}"]


# -- annotation files and folders of photos: what is done to them -> what is reported


def missing(source: Source) -> None:
    Path(source.annotations).unlink()


def cut_short(source: Source) -> None:
    path = Path(source.annotations)
    path.write_bytes(path.read_bytes()[:-200])


def wrong_schema(source: Source) -> None:
    Path(source.annotations).write_text(json.dumps({"pictures": [], "boxes": []}))


def text_for_numbers(source: Source) -> None:
    path = Path(source.annotations)
    path.write_text(path.read_text().replace('"category_id": 1', '"category_id": "one"', 1).replace("[20,", '["x",', 1))


def no_folder(source: Source) -> None:
    shutil.rmtree(source.images)


def no_photos(source: Source) -> None:
    for path in Path(source.images).iterdir():
        path.unlink()


FAULTS: list[tuple[Callable[[Source], None], list[str]]] = [
    (missing, ["coco.json", "no such"]),
    (cut_short, ["coco.json", "truncated"]),
    (wrong_schema, ["coco.json"]),
    (text_for_numbers, ["coco.json"]),
    (no_folder, ["images", "no such folder"]),
    (no_photos, ["images", "holds none of the 12 photos", "coco.json"]),
]


@pytest.mark.parametrize(("spoil", "said"), FAULTS, ids=[spoil.__name__ for spoil, _ in FAULTS])
def test_spoilt_sources(source: Source, tmp_path: Path, spoil: Callable[[Source], None], said: list[str]) -> None:
    spoil(source)
    refused(run("build", *given(source), "--out", tmp_path / "release"), *said)
    assert not (tmp_path / "release" / "manifest.json").exists()


def test_truncated_photos(painted_config: BuildConfig, tmp_path: Path) -> None:
    shutil.copytree(painted_config.sources[0].images, tmp_path / "photos")
    photos = sorted((tmp_path / "photos").rglob("*.jpg"))
    for path in photos[::2]:
        path.write_bytes(path.read_bytes()[:3000])
    train = painted_config.sources[0]
    done = run(
        "build", "--coco", f"{train.annotations}:{tmp_path / 'photos'}", "--exhaustive", "--samples", "40",
        "--out", tmp_path / "release",
    )  # fmt: skip
    refused(done, "rows were rejected", ".jpg", "fix the photos")
    assert any(path.name in done.stderr for path in photos[::2])
    assert not (tmp_path / "release" / "manifest.json").exists()


# -- settings


SETTINGS = [
    (["categories=[unicorn]"], ["no source has a category named 'unicorn'"]),
    (["inter.hrad=0.5"], ["unknown setting 'inter.hrad'", "did you mean 'inter.hard'?"]),
    (["samples=0"], ["samples"]),
    (["nowhere.yaml"], ["nowhere.yaml", "no such configuration file"]),
    (["--exclude", "nowhere.txt"], ["nowhere.txt"]),
    (["--exclude-like", "nowhere"], ["nowhere", "contains no photo"]),
    (["--push-to-hub", "org/name"], ["--push-to-hub and --tag must be used together"]),
]


@pytest.mark.parametrize(("arguments", "said"), SETTINGS, ids=[" ".join(arguments) for arguments, _ in SETTINGS])
def test_bad_settings(source: Source, tmp_path: Path, arguments: list[str], said: list[str]) -> None:
    refused(run("build", *given(source), "--out", tmp_path / "release", *arguments), *said)


@pytest.mark.parametrize(
    "arguments",
    [["--exhaustive"], ["--bbox-format", "xyxy"], ["--orientation", "as_stored"], ["--ignore", "masks"]],
    ids=lambda arguments: arguments[0],
)
def test_a_flag_that_describes_no_source(tmp_path: Path, arguments: list[str]) -> None:
    """It would be ignored, because the configuration file describes its own sources."""
    (tmp_path / "c.yaml").write_text("samples: 10\n")
    done = run("build", tmp_path / "c.yaml", "--out", tmp_path / "release", *arguments)
    refused(done, f"{arguments[0]} applies only to the files of --coco")


@pytest.mark.parametrize("text", ["annotations.json", "annotations.json:"])
def test_a_source_without_its_photos(tmp_path: Path, text: str) -> None:
    refused(run("build", "--coco", text, "--out", tmp_path / "release"), "--coco", "ANN.json:IMAGES")


def test_no_eligible_sample(tmp_path: Path) -> None:
    source = coco(tmp_path / "data", {f"{n:012d}.jpg": [] for n in range(4)})
    refused(run("build", *given(source), "--out", tmp_path / "release"), "no eligible sample", "coco.json")


# -- output folders


def test_the_folder_of_another_build(source: Source, tmp_path: Path, release: Path) -> None:
    before = (release / "manifest.json").read_bytes()
    refused(run("build", *given(source), "--out", release), str(release), "choose another --out")
    assert (release / "manifest.json").read_bytes() == before


def test_a_file_in_the_place_of_the_folder(source: Source, tmp_path: Path) -> None:
    (tmp_path / "release").write_text("not a folder")
    refused(run("build", *given(source), "--out", tmp_path / "release"), "release", "choose another --out")


@pytest.mark.parametrize("command", ["validate", "preview", "stats", "export", "remove", "push"])
def test_what_is_no_release(tmp_path: Path, command: str) -> None:
    more: dict[str, list[str]] = {
        "export": ["--format", "swift", "--to", str(tmp_path / "out")],
        "preview": ["--to", str(tmp_path / "out")],
        "remove": ["--image-id", "1", "--out", str(tmp_path / "out")],
        "push": ["org/name", "--tag", "v1.0.0"],
    }
    refused(run(command, tmp_path / "nowhere", *more.get(command, [])), "nowhere")


# -- what works


def test_from_a_configuration_to_a_release_and_a_new_version(
    painted_config: BuildConfig, tmp_path: Path, release: Path
) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(yaml.safe_dump(painted_config.model_dump(mode="json")))
    out = tmp_path / "release"
    done = run("build", config, "samples=30", "--name", "mine", "--out", out, "--workers", "2")
    assert done.returncode == 0, done.stderr
    assert f"{out}: " in done.stdout
    assert "cgc-data preview" in done.stdout
    manifest = json.loads((out / "manifest.json").read_text())
    assert (manifest["name"], manifest["config"]["samples"]) == ("mine", 30)
    again = run("build", config, "samples=30", "--name", "mine", "--out", out)
    assert again.returncode == 0
    assert "already finished" in again.stderr


def test_removing_a_photo(release: Path, tmp_path: Path) -> None:
    image_id = next(open_release(release).rows(["views"]))["views"][0]["image_id"]
    done = run("remove", release, "--image-id", str(image_id), "--out", tmp_path / "v2")
    assert done.returncode == 0, done.stderr
    assert f"written without photo {image_id}" in done.stdout
    assert open_release(tmp_path / "v2").manifest["counts"]["total"] > 0


def test_a_dry_run_says_how_many_and_writes_nothing(painted: list[Source], tmp_path: Path) -> None:
    out = tmp_path / "release"
    done = run("build", "--coco", f"{painted[0].annotations}:{painted[0].images}", "--exhaustive", "--dry-run",
               "--samples", "40", "--out", out)  # fmt: skip
    assert done.returncode == 0, done.stderr
    for said in ("inter/locate_all", "intra/same_object", "rows from", "rows of 40 requested", " MB"):
        assert said in done.stdout
    assert not out.exists()


def test_a_build_prints_what_it_skipped_and_lists_that_do_not_match(painted: list[Source], tmp_path: Path) -> None:
    """For decontamination a list that matches nothing is worse than none."""
    photos = Path(shutil.copytree(painted[0].images, tmp_path / "photos"))
    files = sorted(path for path in photos.rglob("*") if path.is_file())
    missing, kept = files[::2], files[1].name
    for path in missing:
        path.unlink()
    (tmp_path / "part.txt").write_text(f"{kept}\nno.jpg\n")
    (tmp_path / "none.txt").write_text("nothing.jpg\n")
    lists = ["--exclude", tmp_path / "part.txt", "--exclude", tmp_path / "none.txt", "--samples", "20"]
    source = ["--coco", f"{painted[0].annotations}:{photos}", "--exhaustive", *lists, "--out", tmp_path / "R"]
    for arguments in (["build", *source, "--dry-run"], ["build", *source]):
        done = run(*arguments)
        assert done.returncode == 0, done.stderr
        assert "part.txt: 1 of its 2 entries match no photo, such as no.jpg" in done.stderr
        assert (
            "warning: none.txt excludes nothing, because none of its 1 entries matches a photo, such as nothing.jpg"
            in done.stderr
        )
        assert "photos (photo missing: " in done.stderr
    assert str(tmp_path / "R" / "rejected.parquet") in done.stderr
    rejected = pq.read_table(tmp_path / "R" / "rejected.parquet").to_pylist()
    listed = json.loads(Path(painted[0].annotations).read_text())["images"]
    lost = sum(Path(image["file_name"]).name in {path.name for path in missing} for image in listed)
    assert sum(entry["reason"] == "photo missing" for entry in rejected) == lost
    assert f"photo missing: {lost}" in done.stderr
    usage = open_release(tmp_path / "R").manifest["exclusions"]["usage"]
    assert [(use["list"], use["matched"], use["entries"]) for use in usage] == [("part.txt", 1, 2), ("none.txt", 0, 1)]


HEAVY = {"torch", "matplotlib", "datasets", "huggingface_hub", "scipy"}
HEAVIER_THAN_THE_LIST = HEAVY | {"numpy", "pyarrow", "cv2", "PIL", "pydantic", "requests"}


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_of_every_command_is_quick(command: str) -> None:
    """It imports nothing that draws, trains or talks to the Hub; the list of commands imports no command."""
    code = (
        "import sys\n"
        "from cgc_data.cli import cli\n"
        f"sys.argv = ['cgc-data', *{[command] if command else []}, '--help']\n"
        "try: cli()\n"
        f"finally: print(sorted({HEAVY if command else HEAVIER_THAN_THE_LIST} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "Usage" in done.stdout
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_list_of_commands_says_what_each_does() -> None:
    done = run("--help")
    assert done.returncode == 0
    assert all(command in done.stdout for command in COMMANDS)
