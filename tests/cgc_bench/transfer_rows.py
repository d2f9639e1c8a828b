"""Small stand-ins for the five data sets of the transfer tasks, as copies of their repositories, with drawn images."""

from pathlib import Path
from typing import Any

import yaml
from datasets import Dataset, Features, Image, List, Value

from cgc_bench.transfer.rows import SOURCES
from tests.cgc_bench.official_files import drawn

TEXT = Value("string")


def image(number: int) -> dict[str, Any]:
    return {"bytes": drawn(number), "path": None}


def mathvista(pid: str, answer: str, kind: str = "integer", **values: Any) -> dict[str, Any]:
    row = {
        "pid": pid, "question": f"How many marks are at {pid}?", "image": f"images/{pid}.jpg", "query": "as asked",
        "decoded_image": image(int(pid)), "choices": None, "unit": None, "precision": None, "answer": answer,
        "question_type": "free_form", "answer_type": kind,
        "metadata": {"task": "figure question answering", "split": "testmini"},
    }  # fmt: skip
    return row | values


def muirbench(idx: str, answer: str, **values: Any) -> dict[str, Any]:
    row = {
        "idx": idx, "task": "Counting", "image_relation": "Multi", "image_type": "Drawn", "answer": answer,
        "question": "Which image differs from <image>?", "options": ["<image>", "<image>", "None of the choices"],
        "image_list": [image(n) for n in (1, 2, 3)], "counterpart_idx": "0",
    }  # fmt: skip
    return row | values


def mmstar(index: int, answer: str, category: str = "localization") -> dict[str, Any]:
    question = "What is on the left?\nOptions: A: a cat, B: a dog, C: a bus, D: a kite"
    return {
        "index": index, "question": question, "image": image(index), "answer": answer,
        "category": "fine-grained perception", "l2_category": category, "meta_info": {"source": "drawn"},
    }  # fmt: skip


def mmmu(name: str, answer: str, **values: Any) -> dict[str, Any]:
    row = {
        "id": f"validation_{name}", "question": "Which of <image 2> and <image 1> is larger?", "answer": answer,
        "options": "['the first', \"the second's edge\", '<image 3>']", "explanation": "?", "img_type": "['Drawn']",
        "topic_difficulty": "Easy", "question_type": "multiple-choice", "subfield": "Art",
        **{f"image_{n}": image(n) if n <= 3 else None for n in range(1, 8)},
    }  # fmt: skip
    return row | values


def blink(idx: str, answer: str, task: str, **values: Any) -> dict[str, Any]:
    row = {
        "idx": idx, "sub_task": task, "question": "Which?", "choices": ["left", "right"], "answer": answer,
        "prompt": "Which is nearer? Select from the following choices.\n(A) left\n(B) right", "explanation": "",
        **{f"image_{n}": image(n) if n <= 2 else None for n in range(1, 5)},
    }  # fmt: skip
    return row | values


ROWS: dict[str, dict[str | None, list[dict[str, Any]]]] = {
    "mathvista": {
        None: [
            mathvista("1", "14"),
            mathvista("2", "1.25", "float", precision=2.0, unit="$", metadata={"task": "math word problem"}),
            mathvista("3", "[2007, 2008]", "list"),
            mathvista("4", "a kite", "text", question_type="multi_choice", choices=["a bus", "a kite", "a dog"]),
        ]
    },
    "muirbench": {None: [muirbench("1", "B"), muirbench("2", "C", task="Ordering", question="Which is first?")]},
    "mmstar": {None: [mmstar(1, "A"), mmstar(2, "B"), mmstar(3, "D", "geometry")]},
    "mmmu_val": {
        None: [
            mmmu("Art_1", "B"),
            mmmu("Math_7", "['24/7', '3.429']", question_type="open", options="[]", question="Solve <image 1>."),
        ]
    },
    "blink": {task: [blink(f"val_{task}_1", "(B)", task)] for task in SOURCES["blink"].configurations},
}
_IMAGES = ["decoded_image", "image", *(f"image_{n}" for n in range(1, 8))]


def all_rows(task: str) -> list[dict[str, Any]]:
    return [row for chosen in ROWS[task].values() for row in chosen]


def repository(folder: Path, task: str, rows: dict[str | None, list[dict[str, Any]]] | None = None) -> Path:
    """A copy of the task's repository: a Parquet file per configuration, and the page that lists their paths."""
    root, split = folder / task, SOURCES[task].split
    listed = []
    for name, chosen in (rows or ROWS[task]).items():
        file = root / (name or "data") / f"{split}-00000-of-00001.parquet"
        file.parent.mkdir(parents=True, exist_ok=True)
        _table(task, chosen).to_parquet(file)
        listed.append({"config_name": name or "default", "data_files": [_split(split, file.relative_to(root))]})
    (root / "README.md").write_text(f"---\n{yaml.safe_dump({'configs': listed})}---\n", encoding="utf-8")
    return root


def _split(split: str, path: Path) -> dict[str, str]:
    return {"split": split, "path": path.as_posix()}


def _table(task: str, rows: list[dict[str, Any]]) -> Dataset:
    table = Dataset.from_list([{k: v for k, v in row.items() if k not in ("image_list", *_IMAGES)} for row in rows])
    shown = [name for name in rows[0] if name in _IMAGES and (name != "image" or task == "mmstar")]
    for name in shown:
        table = table.add_column(name, [row[name] for row in rows], feature=Features({name: Image()})[name])
    if task == "muirbench":
        table = table.add_column("image_list", [row["image_list"] for row in rows], feature=List(Image()))
    return table
