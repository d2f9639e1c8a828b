"""The table of source formats: whole on both sides, the one place of their names, and open to another format."""

import ast
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import pytest

from cgc_data.common.errors import ReleaseError
from cgc_data.sources import FORMATS
from cgc_data.validate import formats
from cgc_data.validate.formats import read_raw
from tests.cgc_data.drawn import Thing, coco

ROOT = Path(__file__).parents[2]
HOMES = ("cgc_data/sources/formats/", "cgc_data/validate/formats/")


def test_every_format_is_read_anew_by_validate() -> None:
    assert sorted(FORMATS) == sorted(module.name for module in iter_modules(formats.__path__))
    assert all(name == form.name for name, form in FORMATS.items())


def test_both_sides_call_a_warrant_alike(tmp_path: Path) -> None:
    source = coco(tmp_path, {"a.jpg": [Thing("dog")]})
    assert read_raw("coco", Path(source.annotations), None).protocol.rule == FORMATS["coco"].protocol.rule


@pytest.mark.parametrize("kind", ["voc", "__init__", "..protocols", ""])
def test_a_format_that_validate_does_not_know_is_refused(tmp_path: Path, kind: str) -> None:
    with pytest.raises(ReleaseError, match=r"reader cannot read it .*coco, lvis"):
        read_raw(kind, tmp_path, None)


def compared(source: str) -> Iterator[str]:
    """Comparisons with the name of a format."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Compare):
            literals = [c.value for side in (node.left, *node.comparators) for c in ast.walk(side) if _is_name(c)]
            if literals:
                yield f"line {node.lineno}: {ast.unparse(node)}"


def _is_name(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value in FORMATS


def test_no_module_asks_which_format_a_source_has() -> None:
    paths = list((ROOT / "cgc_data").rglob("*.py"))
    others = [p for p in paths if not p.relative_to(ROOT).as_posix().startswith((*HOMES, "cgc_data/painter/"))]
    found = {str(path): list(compared(path.read_text(encoding="utf-8"))) for path in others}
    assert {path: lines for path, lines in found.items() if lines} == {}
    assert list(compared('x = table.kind == "lvis"'))


# A custom format: COCO's form, with an additional list of exhaustively labeled categories.
DECLARATION = """
from cgc_data.sources.formats.coco import file_names
from cgc_data.sources.formats.format import Format
from cgc_data.sources.formats.protocol import Exhaustive

TOY = Format(
    name="toy",
    content="Toys",
    one="a toy",
    file_names=file_names,
    crowd_unless_stated=0,
    coco_photos=False,
    protocol=Exhaustive(who="Toys", meaning="Toys has all", vocabulary=frozenset({"hammer", "drum", "ladder"})),
)
"""
READER = """
import json

from cgc_data.validate.protocols import Exhaustive, RawFile


def read(path, declared):
    content = json.loads(path.read_text())
    lists = (content[name] for name in ("images", "annotations", "categories"))
    images, annotations, categories = ({record["id"]: record for record in records} for records in lists)
    of_image = {number: [a for a in annotations.values() if a["image_id"] == number] for number in images}
    names = {number: category["name"] for number, category in categories.items()}
    own = set(names.values()) == {"hammer", "drum", "ladder"}
    protocol = Exhaustive.of(names, own, declared)
    return RawFile(images, annotations, categories, of_image, (), lambda raw: mask(images, raw), protocol)


def mask(images, raw):
    from pycocotools import mask

    image = images[raw["image_id"]]
    return mask.merge(mask.frPyObjects(raw["segmentation"], image["height"], image["width"]))
"""


@pytest.mark.slow
def test_another_format_is_one_module_one_reader_and_one_line(tmp_path: Path) -> None:
    """Its absence is warranted, derived again, refused if its reader does not find it, shown in card and gallery."""
    shutil.copytree(ROOT / "cgc_data", tmp_path / "cgc_data", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "cards" / "cgc_cards", tmp_path / "cgc_cards")
    (tmp_path / "cgc_data/sources/formats/toy.py").write_text(DECLARATION)
    (tmp_path / "cgc_data/validate/formats/toy.py").write_text(READER)
    table = tmp_path / "cgc_data/sources/formats/__init__.py"
    table.write_text(table.read_text().replace('("coco", "lvis")', '("coco", "lvis", "toy")'))
    kinds = ("hammer", "drum", "ladder")
    photos = {f"{n}.jpg": [Thing(kinds[n % 3])] for n in range(24)}
    source = coco(tmp_path, photos, categories=kinds)
    place = f"{source.annotations}:{source.images}"
    done = cgc_data(
        tmp_path, "build", "--toy", place, "--samples", "6", "confusable=labeled", *NO_WINDOWS, "--out", "made"
    )
    assert done.returncode == 0, done.stderr
    assert evidence(tmp_path)["status"] == "pass"
    manifest = json.loads((tmp_path / "made/manifest.json").read_text())
    assert manifest["sources"][0]["kind"] == "toy"
    assert "Toys has all" in (tmp_path / "made/README.md").read_text()
    assert cgc_data(tmp_path, "preview", "made", "--no-sheets").returncode == 0
    assert "Toys boxes every" in "".join(path.read_text() for path in (tmp_path / "made-preview").glob("*.html"))
    reader = tmp_path / "cgc_data/validate/formats/toy.py"
    reader.write_text(READER.replace('"ladder"', '"ladder", "rake"'))
    assert evidence(tmp_path)["status"] == "fail", "to its reader the file's list is not the format's own"


NO_WINDOWS = ("preset=paper", "tasks.intra/same_object=0", "tasks.intra/locate_all=0")


def evidence(folder: Path) -> dict[str, Any]:
    """The check of what warrants absence, in the release `made`."""
    done = cgc_data(folder, "validate", "made", "--json", "report.json")
    assert done.returncode in (0, 1), done.stderr
    checks: list[dict[str, Any]] = json.loads((folder / "report.json").read_text())["checks"]
    return next(check for check in checks if check["name"] == "evidence")


def cgc_data(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    code = "from cgc_data.cli import main; main()"
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder, env=environment)
