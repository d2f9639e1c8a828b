"""A build without an eligible sample reports where objects were lost, and suggests a change that works."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from cgc_data.cli import cli
from cgc_data.common.errors import CgcError, PlanError
from cgc_data.config import BuildConfig, Source
from cgc_data.index.build import build_index
from cgc_data.plan import build as planning
from cgc_data.plan.hints import Failure, advice
from cgc_data.sources.clean import PARTS
from cgc_data.tasks import TASKS
from cgc_data.validate import validate
from tests.cgc_data.drawn import Thing, coco

Document = dict[str, Any]
Spoil = Callable[[Document], object]
FULL = ("--exhaustive", "confusable=labeled")


@pytest.fixture
def source(painted: list[Source]) -> Source:
    """Painted scenes of which every object is boxed."""
    return painted[0]


def each(change: Callable[[Document, Document], object]) -> Spoil:
    """A change of every annotation, given with its image; crowds are dropped first."""

    def spoil(document: Document) -> None:
        images = {image["id"]: image for image in document["images"]}
        document["annotations"] = [a for a in document["annotations"] if not a.get("iscrowd")]
        for annotation in document["annotations"]:
            change(annotation, images[annotation["image_id"]])

    return spoil


def from_below(annotation: Document, image: Document) -> None:
    x, y, w, h = annotation["bbox"]
    annotation["bbox"] = [x, image["height"] - y - h, w, h]


def to_corners(annotation: Document, _: Document) -> None:
    x, y, w, h = annotation["bbox"]
    annotation["bbox"] = [x, y, x + w, y + h]


def to_shares(form: str) -> Spoil:
    def change(annotation: Document, image: Document) -> None:
        x, y, w, h = annotation["bbox"]
        written = {"xywh": [x, y, w, h], "xyxy": [x, y, x + w, y + h], "cxcywh": [x + w / 2, y + h / 2, w, h]}[form]
        sizes = [image["width"], image["height"]] * 2
        annotation.update(bbox=[value / size for value, size in zip(written, sizes, strict=True)], segmentation=[])

    return each(change)


def other_size(annotation: Document, image: Document) -> None:
    run = image["width"] * image["height"]
    annotation["segmentation"] = {"size": [image["width"] + 1, image["height"]], "counts": [0, run + image["height"]]}


def points(annotation: Document, _: Document) -> None:
    if isinstance(annotation.get("segmentation"), list):
        annotation["segmentation"] = [list(zip(p[::2], p[1::2], strict=True)) for p in annotation["segmentation"]]
    else:
        annotation["segmentation"] = [[[0, 0], [9, 9], [0, 9]]]


def flat(annotation: Document, _: Document) -> None:
    x, y, w, h = annotation["bbox"]
    annotation["segmentation"] = [x, y, x + w, y, x + w, y + h]


def twice(document: Document) -> None:
    kept = {image["id"] for image in document["images"][:24]}
    document["annotations"] = [a for a in document["annotations"] if a["image_id"] in kept]
    # with other masks: what is written twice to the last digit is dropped by the reader
    document["annotations"] += [{**a, "id": a["id"] + 10**12, "segmentation": []} for a in document["annotations"]]


def one_class(document: Document) -> None:
    ids = [annotation["category_id"] for annotation in document["annotations"]]
    commonest = max(sorted(set(ids)), key=ids.count)
    document["categories"] = [c for c in document["categories"] if c["id"] == commonest]
    document["annotations"] = [a for a in document["annotations"] if a["category_id"] == commonest]


def tiny(annotation: Document, _: Document) -> None:
    x, y, w, h = annotation["bbox"]
    annotation.update(bbox=[x, y, w / 8, h / 8], segmentation=[])


def as_it_is(_: Document) -> None:
    pass


# What is wrong, the settings of the first try, what the error counts, and the start of the change that it advises.
CASES: dict[str, tuple[Spoil, tuple[str, ...], str, str]] = {
    "y from below": (each(from_below), FULL, "mask and box differ", "tasks."),
    "corners": (each(to_corners), FULL, "boxes extend beyond their photos", "--bbox-format xyxy"),
    "shares": (to_shares("xywh"), FULL, "smaller than a pixel", "--bbox-format xywh_normalized"),
    "corners as shares": (to_shares("xyxy"), FULL, "smaller than a pixel", "--bbox-format xyxy_normalized"),
    "center as shares": (to_shares("cxcywh"), FULL, "smaller than a pixel", "--bbox-format cxcywh_normalized"),
    "all crowd": (each(lambda a, _: a.update(iscrowd=1)), FULL, "(crowd", "--ignore crowd"),
    "masks of another size": (
        each(other_size),
        FULL,
        "unreadable mask: the mask does not have the size of the photo",
        "--ignore masks",
    ),
    "points in pairs": (each(points), FULL, "unreadable mask: neither polygons nor run lengths", "--ignore masks"),
    "one flat polygon": (each(flat), FULL, "unreadable mask: neither polygons nor run lengths", "--ignore masks"),
    "annotated twice": (twice, FULL, "", "--ignore duplicates"),
    "one category": (one_class, FULL, "remaining categories: 1", "tasks."),
    "tiny": (each(tiny), FULL, "the box is too small or too elongated", "limits."),
    "nothing declared": (as_it_is, ("confusable=labeled",), "it is not certain that all", "--exhaustive"),
    "nothing declared, one category": (one_class, (), "it is not certain that all", "tasks."),
}


def animals(folder: Path) -> Source:
    """Photos that each show a dog, a cat, or a bird."""
    kinds = ("dog", "cat", "bird")
    return coco(folder, {f"{n}.jpg": [Thing(kinds[n % 3])] for n in range(30)}, categories=kinds, exhaustive=True)


def attempt(content: Document, source: Source, folder: Path, *more: str) -> tuple[int, str]:
    """Status and error of a build."""
    (folder / "mine.json").write_text(json.dumps(content))
    arguments = ["build", "--coco", f"{folder / 'mine.json'}:{source.images}", "--out", str(folder / "out")]
    found = CliRunner().invoke(cli, [*arguments, "samples=30", "--workers", "1", *more])
    assert found.exception is None or isinstance(found.exception, (CgcError, SystemExit)), found.exception
    return found.exit_code, str(found.exception or "")


def advised(error: str) -> list[str]:
    """The options that an error advises, as arguments."""
    if form := re.search(r"`--bbox-format (\w+)`", error):
        return ["--bbox-format", form[1]]
    assert "; a dry run with this change succeeds" in error, error
    options = re.findall(r"`([^`]+)`", re.sub(r"\(in YAML: [^)]*\)", "", error))
    return [argument for option in options for argument in option.split()]


@pytest.mark.parametrize("case", CASES)
def test_the_change_that_is_advised_works(tmp_path: Path, source: Source, case: str) -> None:
    spoil, settings, counted, start = CASES[case]
    content: Document = json.loads(Path(source.annotations).read_text())
    spoil(content)
    status, error = attempt(content, source, tmp_path, *settings, "--dry-run")
    assert status == 1  # the entry point makes it 2
    assert counted in error
    assert start in error
    status, error = attempt(content, source, tmp_path, *settings, *advised(error), "--dry-run")
    assert (status, error) == (0, "")


@pytest.mark.parametrize("settings", [(), ("preset=paper",), ("tasks.inter/common=0.1", "tasks.intra/region=0.2")])
@pytest.mark.parametrize("rows", [1, 2, 20])
def test_no_task_is_missed_in_a_small_build(
    tmp_path: Path, source: Source, rows: int, settings: tuple[str, ...]
) -> None:
    content: Document = json.loads(Path(source.annotations).read_text())
    assert attempt(content, source, tmp_path, *FULL, f"samples={rows}", *settings, "--dry-run") == (0, "")


@pytest.mark.parametrize("task", ["inter/common", "inter/refer", "intra/difference"])
def test_only_a_task_that_the_user_names_refuses_a_build(tmp_path: Path, task: str) -> None:
    """Photos of one animal each: no two kinds are shared, no animal is one of several, none is next to another."""
    source = animals(tmp_path)
    arguments = ["build", "--coco", f"{source.annotations}:{source.images}", "--out", str(tmp_path / "out"), *FULL]
    arguments += ["--dry-run", "tasks.intra/same_object=0", "tasks.intra/locate_all=0", "samples=30"]
    done = CliRunner().invoke(cli, arguments)
    assert done.exit_code == 0, done.exception
    (line,) = (line for line in done.output.splitlines() if line.startswith(f"{task} "))
    assert " 0 rows of " in line
    assert f"it needs {TASKS[task].needs}" in line
    named = CliRunner().invoke(cli, [*arguments, f"tasks.{task}=0.3"])
    assert isinstance(named.exception, PlanError)
    assert str(named.exception).startswith(f"{task}: no eligible sample")
    assert f"`tasks.{task}=0`" in str(named.exception)


def test_what_is_built_of_a_file_in_which_much_is_wrong_is_valid(tmp_path: Path, source: Source) -> None:
    content: Document = json.loads(Path(source.annotations).read_text())
    for spoil in (to_shares("cxcywh"), each(points), each(lambda a, _: a.update(iscrowd=1)), twice):
        spoil(content)
    options = [f"--ignore={part}" for part in PARTS]
    assert attempt(content, source, tmp_path, *FULL, *options, "--bbox-format=cxcywh_normalized") == (0, "")
    report = validate(tmp_path / "out")
    assert report.valid, report.failed()
    path = tmp_path / "out" / "manifest.json"
    manifest = json.loads(path.read_text())
    for name in ("ignore", "bbox_format"):  # the rows are true only of a file that is read in this way
        sources = [{key: value for key, value in manifest["sources"][0].items() if key != name}]
        path.write_text(json.dumps({**manifest, "sources": sources}))
        assert not validate(tmp_path / "out").valid


def failure_of(config: BuildConfig, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Failure:
    """What the planner knows when it gives up."""
    kept: list[Failure] = []

    def keep(failure: Failure) -> str:
        kept.append(failure)
        return "kept"

    monkeypatch.setattr(planning, "advice", keep)
    with pytest.raises(PlanError, match="kept"):
        planning.make_plan(build_index(config, folder), config, folder, folder)
    return kept[0]


def test_a_change_that_time_does_not_allow_to_try_is_said_to_be_untried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = coco(tmp_path, {f"{n}.jpg": [Thing("dog")] for n in range(6)}, categories=["dog", "cat"])
    failure = failure_of(BuildConfig(sources=[source]), tmp_path, monkeypatch)
    assert advice(failure, seconds=0) == (
        "add `--exhaustive` (in YAML: `exhaustive: true` for the source) if the file boxes every instance of every "
        "category; this change was not tried, because a dry run takes too long"
    )


def test_nothing_helps_a_file_without_objects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = coco(tmp_path, {f"{n}.jpg": [] for n in range(6)}, categories=["dog", "cat"], exhaustive=True)
    failure = failure_of(BuildConfig(sources=[source]), tmp_path, monkeypatch)
    assert advice(failure).startswith("none of the settings that were tried helps")
