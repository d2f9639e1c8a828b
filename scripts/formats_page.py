"""Writes the example rows in docs/formats.md: two questions, as a release stores them and as `cgc-data export` writes
them.

Usage: python scripts/formats_page.py

A test checks that the page matches its output.
"""

import json
import struct
import sys
import tempfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from cgc_data.answer import with_thinking
from cgc_data.export import FORMATS, Format, export_release
from cgc_data.geometry import from_thousand
from cgc_data.metrics import COLUMNS
from cgc_data.release.read import open_release
from scripts.markdown import write_between
from tests.cgc_train.made_rows import made_row, write_release

PAGE = Path(__file__).resolve().parents[1] / "docs" / "formats.md"
FOLDER = "/data/exported"  # location of the export in the page
END = "<!-- end -->\n"
SIZE = (640, 480)  # size in pixels of the photos in the rows
WIDTH, HEIGHT = 8, 6  # size in pixels of the photos' placeholder files
BOXES = {1: [(120, 88, 430, 512)], 2: [(602, 231, 871, 894)]}
SHOWN = 62  # characters shown of a prompt text
# Fields that the page omits from a row and from a view, as it states.
LEFT_OUT = ("split", "tuple_id", "pair_id", "difficulty")
OF_VIEWS = ("image_id", "width", "height", "license_url")


def main() -> None:
    """Write every block in place."""
    for name, content in blocks().items():
        write_between(PAGE, begin(name), END, content)


def begin(name: str) -> str:
    """The mark before a block."""
    return f"<!-- {name}: scripts/formats_page.py -->\n"


def blocks() -> dict[str, str]:
    """The generated code blocks of the page, by name."""
    with tempfile.TemporaryDirectory() as folder:
        release = open_release(write_release(Path(folder) / "R", rows()))
        exported = {form: Path(folder) / form for form in FORMATS}
        for form, place in exported.items():
            export_release(release, place, form)
        written = {form: _rows(form, place) for form, place in exported.items()}
        info = (exported["llamafactory"] / "dataset_info.json").read_text(encoding="utf-8")
    stored = {row["answer"] == "[]": row for row in rows()}
    found = {form: _fence("json", "\n".join(map(_pretty, both))) for form, both in written.items()}
    prompt = written["swift"][0]["messages"][0]["content"]
    return {
        "prompt": _fence("text", prompt),
        "answers": _fence("json", "\n".join(stored[empty]["answer"] for empty in (False, True))),
        "trl": _fence("json", "\n".join(_pretty(_as_trl(stored[empty])) for empty in (False, True))),
        **found,
        "dataset_info": _fence("json", info.strip()),
    }


def rows() -> list[dict[str, Any]]:
    """A question whose answer has objects in both images, and a question whose answer is the empty list."""
    images = [{"bytes": flat_png(shade), "path": None} for shade in (80, 160)]
    asked = (
        made_row("locate_all", BOXES, count=2, template=0, size=SIZE),
        made_row("absent", count=2, label="bicycle", template=0, size=SIZE),
    )
    return [{**row, "images": images, "objects": [_in_pixels(entry) for entry in row["objects"]]} for row in asked]


def _in_pixels(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {**entry, "bbox_px": list(from_thousand(entry["bbox_2d"], *SIZE))}


def flat_png(shade: int) -> bytes:
    """A gray PNG of WIDTH x HEIGHT, with the same bytes for every library version."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    lines = (b"\0" + bytes([shade] * WIDTH)) * HEIGHT
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(lines, 0)) + chunk(b"IEND", b"")


def _rows(form: Format, folder: Path) -> list[dict[str, Any]]:
    """The exported rows. Their image paths point to the page's example folder.

    The question that has objects comes first.
    """
    if form == "verl":
        found = list(pq.read_table(folder / "train.parquet").to_pylist())
    else:
        text = (folder / "train.jsonl").read_text(encoding="utf-8").replace(str(folder.resolve()), FOLDER)
        found = [json.loads(line) for line in text.splitlines()]
    return sorted(found, key=lambda row: "bicycle" in json.dumps(row, default=str))


def _as_trl(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row with only the columns that TRL's trainer or the reward function reads."""
    views = [{name: view[name] for name in OF_VIEWS} for view in row["views"]]
    images = [f"<PIL image, {SIZE[0]} x {SIZE[1]}>" for _ in row["images"]]
    columns = {name: row[name] for name in COLUMNS if name not in ("answer", "views", *LEFT_OUT)}
    return {
        "prompt": with_thinking(row["prompt"]),
        "images": images,
        "answer": row["answer"],
        **columns,
        "views": views,
    }


def _pretty(row: Mapping[str, Any]) -> str:
    """JSON with one column per line. Long prompt texts and bytes are truncated."""
    lines = (f"  {json.dumps(name)}: {_value(value)}" for name, value in row.items() if name not in LEFT_OUT)
    return "{\n" + ",\n".join(lines) + "\n}"


def _value(value: Any) -> str:
    return json.dumps(_short(value), ensure_ascii=False)


def _short(value: Any) -> Any:
    """A copy of a value in which long texts and bytes are truncated. Answers, queries, and paths stay complete."""
    if isinstance(value, str):
        whole = len(value) <= SHOWN or value.startswith(("[", "{", "<answer>", "images/", FOLDER))
        return value if whole else value[:SHOWN] + "…"
    if isinstance(value, bytes):
        return "…"
    if isinstance(value, Mapping):
        return {name: _short(part) for name, part in value.items() if name not in LEFT_OUT}
    return [_short(part) for part in value] if isinstance(value, list) else value


def _fence(language: str, content: str) -> str:
    return f"```{language}\n{content}\n```\n"


if __name__ == "__main__":
    main()
