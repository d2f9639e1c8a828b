"""User errors: a one-line message with the file or option and the fix, status 2, nothing that looks finished."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow.parquet as pq
import pytest

from cgc_data import cli
from cgc_data.painter import paint

Document = dict[str, Any]
Refused = Callable[..., str]

PHOTOS = 24


@pytest.fixture(scope="module")
def painted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Annotation file and photos of a few painted scenes."""
    source = next(s for s in paint("easy", tmp_path_factory.mktemp("painted") / "easy", photos=PHOTOS) if s.exhaustive)
    return source.annotations, source.images


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, painted: tuple[Path, Path]) -> Path:
    """A small release."""
    out = tmp_path_factory.mktemp("finished") / "release"
    assert status(build_arguments(*painted, out)) == 0
    return out


@pytest.fixture
def document(painted: tuple[Path, Path]) -> Document:
    return dict(json.loads(painted[0].read_text()))


@pytest.fixture
def photos(tmp_path: Path, painted: tuple[Path, Path]) -> Path:
    """Photos that a test may spoil."""
    return Path(shutil.copytree(painted[1], tmp_path / "photos"))


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str]) -> Refused:
    """Run a command that must be refused in one line; returns the line."""

    def run(*arguments: Any) -> str:
        capsys.readouterr()
        assert status(arguments) == 2
        lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("cgc-data: ")]
        assert len(lines) == 1
        return lines[0]

    return run


def status(arguments: Any) -> int:
    """Exit status of the command line; anything but an exit is a traceback, and fails the test."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["cgc-data", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
    return int(ended.value.code or 0)


def build_arguments(annotations: Path, images: Path, out: Path, *more: Any) -> list[Any]:
    source = ["--coco", f"{annotations}:{images}", "--exhaustive", "--out", out]
    return [
        "build",
        *source,
        "--samples",
        "20",
        "--workers",
        "1",
        "preset=paper",
        "confusable=labeled",
        "tasks.intra/locate_all=0",
        "tasks.intra/same_object=0",
        *more,
    ]


def written(folder: Path, content: str | bytes | Document) -> Path:
    path = folder / "given.json"
    data = content if isinstance(content, bytes) else (content if isinstance(content, str) else json.dumps(content))
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


DEEP = b'{"images":[],"categories":[],"annotations":[{"segmentation":' + b"[" * 50_000 + b"]" * 50_000 + b"}]}"
CONTENTS: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "not a JSON object"),
    "noise": (bytes(range(256)), "not a JSON object"),
    "a list": (b"[]", "not a JSON object"),
    "no lists": (b"{}", "has no images"),
    "cut short": (b'{"images":[{"id":1,"wid', "truncated"),
    "nested deep": (DEEP, "truncated or not JSON"),
    "no photos": (b'{"images":[],"annotations":[],"categories":[]}', "no photo is left"),
}


@pytest.mark.parametrize("case", CONTENTS)
def test_a_file_that_is_no_annotation_file(
    tmp_path: Path, painted: tuple[Path, Path], refused: Refused, case: str
) -> None:
    content, said = CONTENTS[case]
    line = refused(*build_arguments(written(tmp_path, content), painted[1], tmp_path / "out"))
    assert said in line
    assert "given.json" in line
    assert not (tmp_path / "out" / "manifest.json").exists()


def change(section: str, **values: Any) -> Callable[[Document], None]:
    return lambda document: document[section][0].update(values)


def change_all(section: str, **values: Any) -> Callable[[Document], None]:
    return lambda document: [record.update(values) for record in document[section]] and None


def same_names(document: Document) -> None:
    document["categories"][1]["name"] = document["categories"][0]["name"].upper()


RECORDS: dict[str, tuple[Callable[[Document], None], str]] = {
    "negative width": (change("images", width=-5), "correct its size"),
    "width beyond memory": (change("images", width=10**9), "correct its size"),
    "id that is no number": (change("images", id="seven"), "images[0].id"),
    "name too long for a file": (change("images", file_name="a" * 300 + ".jpg"), "correct it in the annotation file"),
    "annotations of no image": (change_all("annotations", image_id=10**12), "does not list"),
    "annotations of no category": (change_all("annotations", category_id=10**12), "does not list"),
    "boxes of three": (change_all("annotations", bbox=[1, 2, 3]), "have a box that is not four numbers"),
    "box that is no number": (change("annotations", bbox=[float("nan"), 2, 3, 4]), "NaN"),
    "two names for one": (same_names, "rename or merge"),
    "no name": (change("categories", name=" "), "rename"),
}


@pytest.mark.parametrize("case", RECORDS)
def test_a_record_that_cannot_be(
    tmp_path: Path, painted: tuple[Path, Path], document: Document, refused: Refused, case: str
) -> None:
    spoil, said = RECORDS[case]
    spoil(document)
    assert said in refused(*build_arguments(written(tmp_path, document), painted[1], tmp_path / "out"))


def packed(photos: Path) -> Path:
    path = photos.with_suffix(".zip")
    with zipfile.ZipFile(path, "w") as archive:
        for photo in sorted(photos.rglob("*.png")) + sorted(photos.rglob("*.jpg")):
            archive.write(photo, photo.relative_to(photos))
    return path


def emptied(photos: Path) -> Path:
    shutil.rmtree(photos)
    photos.mkdir()
    return photos


def patched(path: Path, *changes: tuple[bytes, int, int]) -> Path:
    """The archive with a byte set at an offset behind every occurrence of a signature."""
    data = bytearray(path.read_bytes())
    for signature, offset, value in changes:
        position = data.find(signature)
        while position >= 0:
            data[position + offset] = value
            position = data.find(signature, position + 4)
    path.write_bytes(data)
    return path


LOCAL, CENTRAL = b"PK\x03\x04", b"PK\x01\x02"
PLACES: dict[str, tuple[Callable[[Path], Path], str]] = {
    "no folder": (lambda photos: photos / "elsewhere", "no such folder"),
    "empty folder": (emptied, "specify the folder or zip file that contains them"),
    "a text file": (lambda photos: written(photos, "x"), "neither a folder nor a complete zip"),
    "directory of the archive damaged": (lambda p: patched(packed(p), (CENTRAL, 2, 9)), "not a complete zip"),
    "encrypted": (lambda p: patched(packed(p), (LOCAL, 6, 1), (CENTRAL, 8, 1)), "photos.zip"),
    "unknown packing": (lambda p: patched(packed(p), (LOCAL, 8, 99), (CENTRAL, 10, 99)), "photos.zip"),
}


@pytest.mark.parametrize("case", PLACES)
def test_a_place_without_photos(
    tmp_path: Path, painted: tuple[Path, Path], photos: Path, refused: Refused, case: str
) -> None:
    make, said = PLACES[case]
    assert said in refused(*build_arguments(painted[0], make(photos), tmp_path / "out"))


def enormous(photo: Path) -> None:
    """A PNG whose header states 20,000 x 20,000 pixels."""
    data = bytearray(cv2.imencode(".png", np.zeros((4, 4, 3), np.uint8))[1].tobytes())
    data[16:24] = (20_000).to_bytes(4, "big") * 2
    data[29:33] = zlib.crc32(data[12:29]).to_bytes(4, "big")
    photo.write_bytes(data + photo.name.encode())


SPOILT: dict[str, Callable[[Path], Any]] = {
    "a page": lambda photo: photo.write_text(f"<html>{photo.name} not found</html>"),
    "cut short": lambda photo: photo.write_bytes(photo.read_bytes()[:1000]),
    "of another size": lambda photo: cv2.imwrite(
        str(photo), np.random.default_rng(zlib.crc32(photo.name.encode())).integers(0, 256, (64, 64, 3))
    ),
    "enormous": enormous,
}


def test_photos_that_are_empty(tmp_path: Path, painted: tuple[Path, Path], photos: Path, refused: Refused) -> None:
    for photo in photos.rglob("*.*"):
        photo.write_bytes(b"")
    assert "no photo is left" in refused(*build_arguments(painted[0], photos, tmp_path / "out"))


@pytest.mark.parametrize("case", SPOILT)
def test_spoilt_photos_are_refused_and_mended_ones_taken_up(
    tmp_path: Path, painted: tuple[Path, Path], photos: Path, finished: Path, refused: Refused, case: str
) -> None:
    out = tmp_path / "out"
    arguments = build_arguments(painted[0], photos, out)
    for photo in [path for path in photos.rglob("*") if path.is_file()]:
        SPOILT[case](photo)
    line = refused(*arguments)
    assert "fix the photos" in line
    assert not list(out.glob("int*/*"))
    assert pq.read_table(out / ".build" / "rejected.parquet").num_rows > 0
    assert refused(*arguments, "max_rejected=1") == line.replace("max_rejected=0.05", "max_rejected=1.0")
    shutil.copytree(painted[1], photos, dirs_exist_ok=True)
    assert status(arguments) == 0
    shards = [path.relative_to(out) for path in out.glob("int*/*.parquet")]
    assert all((out / path).read_bytes() == (finished / path).read_bytes() for path in shards)


def a_file(out: Path) -> None:
    out.write_text("mine")


def below_a_file(out: Path) -> None:
    out.parent.write_text("mine")


def holding(name: str, content: str) -> Callable[[Path], None]:
    def make(out: Path) -> None:
        out.mkdir(parents=True)
        (out / name).write_text(content)

    return make


OUTPUTS: dict[str, tuple[Callable[[Path], None], str]] = {
    "a file": (a_file, "cannot create the folder"),
    "below a file": (below_a_file, "cannot create the folder"),
    "somebody's files": (holding("mine.txt", "mine"), "choose another --out"),
    "damaged manifest": (holding("manifest.json", "{"), "choose another --out"),
    "manifest of something else": (holding("manifest.json", "[]"), "choose another --out"),
}


@pytest.mark.parametrize("case", OUTPUTS)
def test_a_folder_that_is_taken(tmp_path: Path, painted: tuple[Path, Path], refused: Refused, case: str) -> None:
    make, said = OUTPUTS[case]
    out = tmp_path / "given" / "out"
    if make is not below_a_file:
        out.parent.mkdir()
    make(out)
    assert said in refused(*build_arguments(*painted, out))


# What another build does, in a separate process, until its input ends.
HOLD_LOCK = """
import sys
from filelock import FileLock

with FileLock(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_one_build_at_a_time_in_a_folder(tmp_path: Path, painted: tuple[Path, Path], refused: Refused) -> None:
    cache = tmp_path / ".cgc-cache"
    cache.mkdir()
    command = [sys.executable, "-c", HOLD_LOCK, str(cache / "out.lock")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout
        assert other.stdout.readline() == "held\n"
        assert "another command is writing" in refused(*build_arguments(*painted, tmp_path / "out"))
        other.communicate()
    assert status(build_arguments(*painted, tmp_path / "out")) == 0


def test_what_failed_before_rendering_leaves_the_folder_free(
    tmp_path: Path, painted: tuple[Path, Path], refused: Refused
) -> None:
    refused(*build_arguments(painted[0], tmp_path / "nowhere", tmp_path / "out"))
    refused(*build_arguments(*painted, tmp_path / "out", "limits.min_side=5000"))
    assert status(build_arguments(*painted, tmp_path / "out")) == 0


def test_another_list_of_exclusions_is_another_release(
    tmp_path: Path, painted: tuple[Path, Path], document: Document, refused: Refused
) -> None:
    listed = tmp_path / "exclude.txt"
    names = [image["file_name"] for image in document["images"]]
    arguments = build_arguments(*painted, tmp_path / "out", "--exclude", listed)
    listed.write_text(names[0])
    assert status(arguments) == 0
    listed.write_text("\n".join(names[:2]))
    assert "another finished release" in refused(*arguments)


OPTIONS: dict[str, tuple[list[str], str]] = {
    "no number": (["--samples", "many"], "--samples"),
    "none": (["--samples", "0"], "samples"),
    "beyond reason": (["samples=1e30"], "samples"),
    "misspelt option": (["--smaples", "5"], "--samples"),
    "misspelt key": (["inter.hrd=0.5"], "inter.hard"),
    "no such choice": (["--images", "some"], "'embed'"),
    "no workers": (["--workers", "0"], "--workers"),
    "views of nothing": (["intra.view_sizes=[0]"], "view_sizes"),
    "views beyond memory": (["intra.view_sizes=[1000000]"], "view_sizes"),
    "no tag": (["--push-to-hub", "org/name"], "--tag"),
    "no version": (["--push-to-hub", "org/name", "--tag", "1"], "vX.Y.Z"),
    "no repository": (["--push-to-hub", "org/name/x", "--tag", "v1.0.0"], "ORG/NAME"),
    "no configuration": (["nowhere.yaml"], "nowhere.yaml"),
    "nothing to exclude": (["--exclude", os.devnull], "names no photo"),
}


@pytest.mark.parametrize("case", OPTIONS)
def test_an_option_that_cannot_be(tmp_path: Path, painted: tuple[Path, Path], refused: Refused, case: str) -> None:
    given, said = OPTIONS[case]
    arguments = build_arguments(*painted, tmp_path / "out")
    assert said in refused(*arguments[: arguments.index("--samples")], *given)


def test_usage_errors_name_the_help(refused: Refused) -> None:
    assert refused("stats").endswith("Try: cgc-data stats --help")
    assert "No such command" in refused("bild")


def test_a_comment_is_a_configuration(tmp_path: Path, painted: tuple[Path, Path]) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("# nothing yet\n")
    assert status(build_arguments(*painted, tmp_path / "out", config, "--dry-run")) == 0


def test_a_folder_named_like_a_photo_is_passed_over(tmp_path: Path, painted: tuple[Path, Path]) -> None:
    (tmp_path / "like" / "odd.jpg").mkdir(parents=True)
    cv2.imwrite(str(tmp_path / "like" / "noise.png"), np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8))
    more = ("--exclude-like", tmp_path / "like", "--dry-run")
    assert status(build_arguments(*painted, tmp_path / "out", *more)) == 0


def manifest(**changes: Any) -> Callable[[Path], None]:
    def spoil(release: Path) -> None:
        path = release / "manifest.json"
        values = {**json.loads(path.read_text()), **changes}
        path.write_text(json.dumps({name: value for name, value in values.items() if value is not None}))

    return spoil


def first_shard(release: Path) -> Path:
    return min(release.glob("int*/*.parquet"))


def other_columns(release: Path) -> None:
    shutil.copyfile(release / "rejected.parquet", first_shard(release))


DAMAGES: dict[str, Callable[[Path], Any]] = {
    "no manifest": lambda release: (release / "manifest.json").unlink(),
    "manifest cut short": lambda release: (release / "manifest.json").write_text('{"name'),
    "no sources": manifest(sources=None),
    "no configuration": manifest(config=None),
    "shards without hashes": manifest(shards=[{"path": "x"}]),
    "another version": manifest(schema_version="99"),
    "shard missing": lambda release: first_shard(release).unlink(),
    "shard empty": lambda release: first_shard(release).write_bytes(b""),
    "shard of other columns": other_columns,
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_release(tmp_path: Path, finished: Path, refused: Refused, damage: str) -> None:
    release = Path(shutil.copytree(finished, tmp_path / "release"))
    DAMAGES[damage](release)
    to = ("--to", tmp_path / "to")
    for command in (
        ("stats", release),
        ("preview", release, *to),
        ("export", release, "--format", "verl", *to),
        ("remove", release, "--image-id", 1, "--out", tmp_path / "removed"),
        ("push", release, "org/name", "--tag", "v1.0.0"),
    ):
        assert "release" in refused(*command)
    assert not (tmp_path / "removed").exists()


def test_a_list_of_rejects_that_is_missing(tmp_path: Path, finished: Path, refused: Refused) -> None:
    release = Path(shutil.copytree(finished, tmp_path / "release"))
    (release / "rejected.parquet").unlink()
    assert "rejected.parquet" in refused("remove", release, "--image-id", 1, "--out", tmp_path / "removed")


@pytest.mark.parametrize("command", [("preview", "--to"), ("remove", "--image-id", "1", "--out")])
def test_a_target_that_is_a_file(tmp_path: Path, finished: Path, refused: Refused, command: tuple[str, ...]) -> None:
    (tmp_path / "file").write_text("mine")
    refused(command[0], finished, *command[1:], tmp_path / "file")
    assert (tmp_path / "file").read_text() == "mine"


ORPHANS = """
import os, sys, time
from cgc_data.common.processes import Processes

def work(number):
    print(os.getpid(), flush=True)
    time.sleep(60)

if __name__ == "__main__":
    list(Processes(2).run(work, range(2)))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="looks processes up by signal 0")
def test_workers_end_with_their_parent(tmp_path: Path) -> None:
    script = tmp_path / "orphans.py"
    script.write_text(ORPHANS)
    parent = subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, text=True)
    assert parent.stdout
    first = parent.stdout.readline()
    assert first.strip().isdigit()
    parent.kill()
    # the pipe ends when the last process that holds it has gone, long before the workers have slept
    parent.communicate(timeout=20)
