"""Small stand-ins for the Hub's RefCOCO data sets, as copies of their repositories, with drawn images."""

from pathlib import Path
from typing import Any

import yaml
from datasets import Dataset, Features, Image, List, Value

from cgc_bench.refcoco.prepare import SOURCES
from tests.cgc_bench.official_files import drawn

FEATURES = Features(
    {
        "question_id": Value("string"), "image": Image(), "question": Value("string"), "answer": List(Value("string")),
        "segmentation": List(Value("float32")), "bbox": List(Value("float32")), "iscrowd": Value("int8"),
        "file_name": Value("string"),
    }
)  # fmt: skip


def row(number: int, *words: str, photo: int = 0, **values: Any) -> dict[str, Any]:
    """An object of a photo of 96 x 64 pixels."""
    found = {
        "question_id": str(number), "image": {"bytes": drawn(photo), "path": None}, "answer": list(words),
        "question": "Please provide a short description for this region.", "segmentation": [10.0, 10.0, 50.0, 40.0],
        "bbox": [9.6, 16.0, 48.0, 32.0], "iscrowd": 0, "file_name": f"COCO_train2014_{photo:012}.jpg",
    }  # fmt: skip
    return found | values


ROWS = [row(1, "red box", "box at left", photo=7), row(2, "the red thing", photo=7), row(3, "it", photo=8)]


def repository(folder: Path, part: str, rows: list[dict[str, Any]] | None = None) -> Path:
    """A copy of a repository; every split has the same rows."""
    root, listed = folder / part, []
    for split in SOURCES[part].splits.values():
        file = root / "data" / f"{split}-00000-of-00001.parquet"
        file.parent.mkdir(parents=True, exist_ok=True)
        Dataset.from_list(ROWS if rows is None else rows, features=FEATURES).to_parquet(file)
        listed.append({"split": split, "path": f"data/{split}-*"})
    page = {"configs": [{"config_name": "default", "data_files": listed}]}
    (root / "README.md").write_text(f"---\n{yaml.safe_dump(page)}---\n", encoding="utf-8")
    return root
