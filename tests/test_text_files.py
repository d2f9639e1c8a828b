"""Text files that a user gives: a byte order mark is read; what is not UTF-8 is a one-line error with the fix."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cgc_bench.mig.items import read_items as read_mig
from cgc_bench.scoring.samples import read_samples
from cgc_bench.vlm2.items import read_items as read_vlm2
from cgc_bench.vlm2.video import read_judgements
from cgc_data.common.errors import CgcError, SourceError
from cgc_data.common.text import likely_encoding
from cgc_data.config import load_config
from cgc_data.index.exclusions import read_exclusions
from cgc_data.sources import read_source
from cgc_train.data.select import kept_ids
from cgc_train.recipe import load_recipe, recipe_path
from cgc_train.reward.predictions import read_predictions
from tests.cgc_bench.mig_rows import row as mig_row
from tests.cgc_bench.vlm2_rows import question

FOREIGN = "店 Büro"
ENCODINGS = {"latin-1": "Büro Jörg", "gb18030": "店人", "utf-16": FOREIGN, "utf-16-le": FOREIGN, "utf-32": FOREIGN}


def annotations(extra: str) -> str:
    photo = {"id": 1, "file_name": "a.jpg", "width": 9, "height": 9}
    box = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 1, 4, 4], "iscrowd": 0, "segmentation": []}
    content = {"info": {"by": extra}, "images": [photo], "annotations": [box], "categories": [{"id": 1, "name": "dog"}]}
    return json.dumps(content, ensure_ascii=False)


def predictions(extra: str) -> str:
    return json.dumps({"id": "a", "response": extra}, ensure_ascii=False) + "\n"


def samples(extra: str) -> str:
    return json.dumps({"index": "1", "response": extra}, ensure_ascii=False) + "\n"


def mig_items(extra: str) -> str:
    return json.dumps([mig_row(question=extra)], ensure_ascii=False)


def vlm2_items(extra: str) -> str:
    rows = [question("1", "T", question=extra), question("1", "F", question=extra)]
    return "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)


def judgements(extra: str) -> str:
    return json.dumps({"vid": "a", "score": f"Score: 1 {extra}"}, ensure_ascii=False)


def _excluded(path: Path) -> None:
    read_exclusions([str(path)])


def _recipe(path: Path) -> None:
    load_recipe(str(path))


# What is read, its content with a foreign word in it, and its reader.
READERS: dict[str, tuple[str, Callable[[str], str], Callable[[Path], Any]]] = {
    "COCO annotations": ("a.json", annotations, lambda path: read_source("coco", path, path.parent / "cache")),
    "build settings": ("b.yaml", lambda extra: f"name: x\n# {extra}\n", lambda path: load_config(path, {})),
    "exclusion list": ("e.txt", lambda extra: f"000000000139.jpg # {extra}\n", _excluded),
    "exclusion JSON": ("e.json", lambda extra: json.dumps(["1.jpg", extra], ensure_ascii=False), _excluded),
    "recipe": ("r.yaml", lambda extra: f"# {extra}\n" + recipe_path("tiny-cpu").read_text(), _recipe),
    "predictions": ("p.jsonl", predictions, read_predictions),
    "rows to keep": ("k.txt", lambda extra: f"0123456789abcdef\n{extra}\n", kept_ids),
    "saved responses": ("s.jsonl", samples, lambda path: list(read_samples([path], "mig"))),
    "MIG-Bench annotations": ("m.json", mig_items, read_mig),
    "VLM2-Bench questions": ("gc_mat.jsonl", vlm2_items, read_vlm2),
    "judgements": ("j.jsonl", judgements, lambda path: read_judgements(path, "gpt")),
}  # fmt: skip


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("reader", READERS)
def test_another_encoding_is_one_line_with_the_fix(reader: str, encoding: str, tmp_path: Path) -> None:
    name, content, read = READERS[reader]
    path = tmp_path / name
    path.write_bytes(content(ENCODINGS[encoding]).encode(encoding))
    with pytest.raises(CgcError) as caught:
        read(path)
    message = str(caught.value)
    assert name in message
    assert "not UTF-8 at byte" in message
    assert "save the file as UTF-8" in message
    assert "\n" not in message


@pytest.mark.parametrize("reader", READERS)
def test_a_byte_order_mark_is_read(reader: str, tmp_path: Path) -> None:
    name, content, read = READERS[reader]
    path = tmp_path / name
    path.write_bytes(content(FOREIGN).encode("utf-8-sig"))
    read(path)


@pytest.mark.parametrize(
    ("content", "likely"),
    [
        ("Büro für Möbel".encode("latin-1"), "WINDOWS-1252"),
        ("人 und 店".encode("gbk"), "GB18030"),
        ("dog".encode("utf-16"), "UTF-16"),
        ("dogs and more dogs".encode("utf-16-be"), "UTF-16"),
        ("dog".encode("utf-32"), "UTF-32"),
    ],
)
def test_the_encoding_is_guessed_for_the_message(content: bytes, likely: str) -> None:
    assert likely_encoding(content) == likely


@pytest.mark.parametrize("position", ["images", "annotations", "categories", "info", "unread"])
def test_a_foreign_byte_is_found_wherever_it_stands(position: str, tmp_path: Path) -> None:
    """Also in fields that no reader takes, so that no later reader stumbles over them; the byte is that of the file."""
    content = json.loads(annotations("plain"))
    where = content[position] if position in content else content.setdefault(position, {})
    (where[0] if isinstance(where, list) else where)["note"] = "Jörg"
    raw = json.dumps(content, ensure_ascii=False).encode("latin-1")
    (tmp_path / "a.json").write_bytes(raw)
    with pytest.raises(SourceError, match=rf"not UTF-8 at byte {raw.index(0xF6)} \(0xf6\)"):
        read_source("coco", tmp_path / "a.json", tmp_path / "cache")


@pytest.mark.parametrize("name", ["a\0b", "a\ud800b"])
def test_what_is_no_path_is_an_error(name: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="not a valid path"):
        read_exclusions([str(tmp_path / name)])


def test_the_command_line_ends_with_status_2(tmp_path: Path) -> None:
    (tmp_path / "mine.json").write_bytes(annotations("Jörg").encode("latin-1"))
    (tmp_path / "photos").mkdir()
    code = "from cgc_data.cli import main; main()"
    command = [sys.executable, "-c", code, "build", "--coco", "mine.json:photos", "--out", "R"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "mine.json: not UTF-8 at byte" in done.stderr
    assert not (tmp_path / "R").exists()
