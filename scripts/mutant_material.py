"""Writes a folder with valid files of every kind that commands open, for `scripts/try_mutants.py` to mutate.

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
    """Write the files, and a file `names.json` with names that commands and paths refer to."""
    from cgc_bench.contrast.prepare import prepare_release
    from cgc_data.builder.release import build_release
    from cgc_data.config import BuildConfig
    from cgc_data.release.read import open_release
    from cgc_train.recipe import load_recipe
    from cgc_train.recipe.load import save_recipe
    from cgc_train.run import Run, held_out_path

    sys.modules["trl"] = None  # type: ignore[assignment]
    os.chdir(folder)
    os.environ["CGC_CACHE"] = str(folder / "cache")
    photos = _make_sources()
    source = {"kind": "coco", "images": "photos", "exhaustive": True}
    values = {
        "sources": [source | {"annotations": "mine.json"}, source | {"annotations": "test.json", "split": "test"}],
        "samples": 8,
        "preset": "paper",
        "confusable": "labeled",
        "tasks": {"intra/locate_all": 0, "intra/same_object": 0},
    }
    build_release(BuildConfig.model_validate(values), Path("release"))
    prepare_release(str(folder / "release"))
    rows = list(open_release(Path("release")).rows(split="test"))
    Path("config.yaml").write_text(
        "# a build\nsources:\n  - {kind: coco, annotations: mine.json, images: photos, exhaustive: true}\n"
        "samples: 6\npreset: paper\nconfusable: labeled\ntasks: &t\n  intra/locate_all: 0\n"
        "  intra/same_object: 0\nlimits: {min_side: 24.0}\nname: x\n"
    )
    Path("override.txt").write_text("limits.min_side=12.5")
    Path("setting.txt").write_text("reward.power=2.5")
    Path("exclude.json").write_text(json.dumps([{"image_id": 3, "file_name": "000000000003.jpg"}, 7, "x.png"]))
    answers = [{"id": row["id"], "response": f"<think>x</think>\n<answer>{row['answer']}</answer>"} for row in rows]
    Path("answers.jsonl").write_text("".join(json.dumps({**a, "index": a["id"]}) + "\n" for a in answers))
    save_recipe(load_recipe("tiny-cpu"), Path("recipe.yaml"))
    _make_run(Run(Path("run"), load_recipe("tiny-cpu", [f"data.release={folder / 'release'}"])), answers, held_out_path)
    _make_benchmark()
    samples = _make_samples(folder / "release", answers)
    shard = min(Path("release").glob("int*/test*.parquet")).relative_to("release")
    image_id = str(rows[0]["views"][0]["image_id"])
    names = {"shard": str(shard), "photo": photos[0], "id": image_id, "samples": samples}
    Path("names.json").write_text(json.dumps(names))


def _make_sources() -> list[str]:
    """Write painted photos, a zip of them, and their annotations in COCO and LVIS format.

    Returns the names of the photos.
    """
    from cgc_data.painter import paint

    train, test = paint("easy", Path("painted"), photos=14)
    shutil.copy(train.annotations, "mine.json")
    shutil.copy(test.annotations, "test.json")
    shutil.copytree(train.images, "photos")
    shutil.rmtree("painted")
    Path("lvis.json").write_text(json.dumps(_as_lvis(json.loads(Path("mine.json").read_text()))))
    photos = sorted(path for path in Path("photos").rglob("*") if path.is_file())
    with zipfile.ZipFile("photos.zip", "w") as archive:
        for path in photos:
            archive.write(path, path.relative_to("photos"))
    return [str(path.relative_to("photos")) for path in photos]


def _as_lvis(content: Any) -> Any:
    """Convert a COCO file to an LVIS file.

    Categories that a photo does not show become negative categories of the photo.
    """
    categories = [
        {"synset": f"{c['name']}.n.01", "frequency": "f", "synonyms": [c["name"]], "def": "a thing", **c}
        for c in content["categories"]
    ]
    shown: dict[int, set[int]] = {image["id"]: set() for image in content["images"]}
    for annotation in content["annotations"]:
        shown[annotation["image_id"]].add(annotation["category_id"])
    images = [
        {
            **image,
            "coco_url": f"http://images.cocodataset.org/{image['file_name']}",
            "neg_category_ids": [c["id"] for c in categories if c["id"] not in shown[image["id"]]],
            "not_exhaustive_category_ids": [],
        }
        for image in content["images"]
    ]
    return {**content, "images": images, "categories": categories}


def _make_run(run: Any, answers: Sequence[dict[str, str]], path_of: Any) -> None:
    from cgc_train.recipe.load import save_recipe

    run.folder.mkdir()
    save_recipe(run.recipe, run.folder / "recipe.yaml")
    (run.folder / "environment.json").write_text('{"kind": "grpo", "command": ["cgc-train", "grpo"]}')
    lines = [{"step": step, "kind": kind, "miou": 0.2} for step in (1, 2) for kind in ("train", "held_out")]
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


def _make_samples(release: Path, answers: Sequence[dict[str, str]]) -> str:
    """Write samples files as lmms-eval saves them, one per task. Returns the name of one of these files."""
    from cgc_bench.contrast.benchmark import BENCHMARK

    items = BENCHMARK.read_items(release)
    saved: dict[Path, list[str]] = {}
    for number, answer in enumerate(answers):
        item = items[answer["id"]]
        stated = {"index": answer["id"], "task": item.task, "response": answer["response"]}
        stated |= {"benchmark": "contrast", "annotations": item.version}
        line = {"doc_id": number, **{f"cgc_{key}": value for key, value in stated.items()}}
        saved.setdefault(Path(f"runs/m/1_samples_cgc_contrast_{item.task}.jsonl"), []).append(json.dumps(line) + "\n")
    for path, lines in saved.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(lines))
    return str(min(saved))


if __name__ == "__main__":
    make(Path(sys.argv[1]))
