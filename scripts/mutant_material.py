"""Writes good files of every kind that commands open into a folder, for `scripts/try_mutants.py` to spoil.

Usage: python scripts/mutant_material.py FOLDER
"""

import json
import os
import shutil
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))


def make(folder: Path) -> None:
    """Write the files, and `names.json` with the names that stand in commands and paths."""
    from cgc_data.builder.release import build_release
    from cgc_data.config import BuildConfig
    from cgc_data.painter import paint
    from cgc_data.release.read import open_release
    from cgc_train.recipe import load_recipe
    from cgc_train.recipe.load import save_recipe
    from cgc_train.run import Run, held_out_path

    sys.modules["trl"] = None  # type: ignore[assignment]
    os.chdir(folder)
    source = next(s for s in paint("easy", Path("painted"), photos=14) if s.exhaustive and s.split != "test")
    shutil.copy(source.annotations, "mine.json")
    shutil.copytree(source.images, "photos")
    shutil.rmtree("painted")
    given = {"kind": "coco", "annotations": "mine.json", "images": "photos", "exhaustive": True}
    values = {
        "sources": [given],
        "samples": 12,
        "preset": "paper",
        "confusable": "labelled",
        "tasks": {"intra/locate_all": 0, "intra/same_object": 0},
    }
    config = BuildConfig.model_validate(values)
    build_release(config, Path("release"))
    rows = list(open_release(Path("release")).rows())
    Path("config.yaml").write_text(
        "# a build\nsources:\n  - {kind: coco, annotations: mine.json, images: photos, exhaustive: true}\n"
        "samples: 6\npreset: paper\nconfusable: labelled\ntasks: &t\n  intra/locate_all: 0\n"
        "  intra/same_object: 0\nlimits: {min_side: 24.0}\nname: x\n"
    )
    Path("override.txt").write_text("limits.min_side=12.5")
    Path("exclude.json").write_text(json.dumps([{"image_id": 3, "file_name": "000000000003.jpg"}, 7, "x.png"]))
    answers = [{"id": row["id"], "response": f"<think>x</think>\n<answer>{row['answer']}</answer>"} for row in rows]
    Path("answers.jsonl").write_text("".join(json.dumps({**a, "index": a["id"]}) + "\n" for a in answers))
    save_recipe(load_recipe("tiny-cpu"), Path("recipe.yaml"))
    _make_run(Run(Path("run"), load_recipe("tiny-cpu", [f"data.release={folder / 'release'}"])), answers, held_out_path)
    _make_benchmark()
    with zipfile.ZipFile("photos.zip", "w") as archive:
        photos = sorted(path for path in Path("photos").rglob("*") if path.is_file())
        for path in photos:
            archive.write(path, path.relative_to("photos"))
    shard = min(Path("release").glob("int*/*.parquet")).relative_to("release")
    image_id = str(rows[0]["views"][0]["image_id"])
    names = {"shard": str(shard), "photo": str(photos[0].relative_to("photos")), "id": image_id}
    Path("names.json").write_text(json.dumps(names))


def _make_run(run: Any, answers: Sequence[dict[str, str]], path_of: Any) -> None:
    from cgc_train.recipe.load import save_recipe

    run.folder.mkdir()
    save_recipe(run.recipe, run.folder / "recipe.yaml")
    (run.folder / "environment.json").write_text('{"kind": "grpo", "command": ["cgc-train", "grpo"]}')
    lines = [
        {"step": step, "kind": kind, "loss": 0.5, "miou": 0.2} for step in (1, 2) for kind in ("train", "held_out")
    ]
    (run.folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    path_of(run.folder, 1).parent.mkdir()
    path_of(run.folder, 1).write_text("".join(json.dumps(answer) + "\n" for answer in answers))


def _make_benchmark() -> None:
    question = "Find the dog in the 2th image. "
    images = ["MIG-Bench/images/region/a.jpg", "MIG-Bench/images/region/b.jpg"]
    row = {"task": "region", "images": images, "question": question, "answer": [100, 200, 500, 600]}
    Path("mig.json").write_text(json.dumps([{**row, "additional_info": "", "need_format": True}] * 3))
    lines = [{"index": number, "response": "(100,200),(500,600)"} for number in range(3)]
    Path("mig.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    saved = Path("runs/m/1_samples_cgc_mig_region.jsonl")
    saved.parent.mkdir(parents=True)
    document = [{"doc_id": n, "doc": {"index": str(n)}, "filtered_resps": ["(100,200),(500,600)"]} for n in range(3)]
    saved.write_text("".join(json.dumps({**d, "resps": [d["filtered_resps"]], "target": "x"}) + "\n" for d in document))


if __name__ == "__main__":
    make(Path(sys.argv[1]))
