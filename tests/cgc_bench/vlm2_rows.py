"""A small stand-in for VLM2-Bench's question files, in their layout."""

import json
from pathlib import Path
from typing import Any


def question(q_id: str, answer: str | int, images: tuple[str, ...] = ("a.jpg", "b.jpg"), **more: Any) -> dict[str, Any]:
    return {"q_id": q_id, "question": f"Question {q_id}?", "gt_answer": answer, "images": list(images), **more}


ROWS: dict[str, list[dict[str, Any]]] = {
    "gc_mat": [question("1", "T"), question("1", "F"), question("2", "T"), question("2", "F")],
    "gc_trk": [question("1", "T", ("c.jpg", "d.jpg")), question("1", "F", ("c.jpg", "d.jpg"))],
    "oc_cpr": [question("1_p", "T"), question("1_n", "F"), question("2_p", "T"), question("2_n", "F")],
    "oc_cnt": [question("1", 2, image_seq_len=4), question("2", 4, image_seq_len=4)],
    "oc_grp": [question("1", "(A)"), question("2", "(B)")],
    "pc_cpr": [question("tf_1_p", "T"), question("tf_1_n", "F")],
    "pc_cnt": [question("1", 1, image_seq_len=5)],
    "pc_grp": [question("1", "(C)")],
}


def write(folder: Path, rows: dict[str, list[Any]] = ROWS) -> Path:
    for task, questions in rows.items():
        file = folder / "jsonl" / task[:2] / "vanilla" / f"{task}.jsonl"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("".join(json.dumps(row) + "\n" for row in questions), encoding="utf-8")
    return folder
