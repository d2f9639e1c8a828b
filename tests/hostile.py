"""Releases made to read or write elsewhere: what their manifest, links and rows may try, and what it would touch."""

import json
import os
import shutil
from collections.abc import Callable, Iterable, Mapping
from itertools import cycle
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from cgc_data.release.schema import arrow_schema
from tests.tiny_release import row, write_manifest, write_tiny_release

SHARD = "inter/train-00000-of-00001.parquet"
WINDOWS = "intra/train-00000-of-00001.parquet"
Edit = Callable[[dict[str, Any]], object]


def world(folder: Path) -> Path:
    """A small valid release, next to private files; returns the release."""
    release = write_tiny_release(folder / "release", rows=2, sources=[source(folder)])
    for name in ("train-victim.parquet", "victim.parquet"):
        shutil.copy(release / SHARD, folder / name)
    shutil.copy(release / WINDOWS, folder / "windows.parquet")
    for name in ("victim", "victim.json", "victim.txt"):
        (folder / name).write_text("mine")
    shutil.copytree(release / "inter", folder / "elsewhere" / "inter")
    return release


def source(folder: Path) -> dict[str, str]:
    places = {"annotations": str(folder / "victim.json"), "images": str(folder / "elsewhere")}
    return {"key": "coco-00000000", "kind": "coco", "sha256": "ab" * 32, **places}


def snapshot(folder: Path) -> dict[str, bytes | str]:
    """Content of every file and target of every link below a folder."""
    paths = [path for path in folder.rglob("*") if path.is_file() or path.is_symlink()]
    return {str(path): os.readlink(path) if path.is_symlink() else path.read_bytes() for path in paths}


def _renamed(name: Any) -> Edit:
    return lambda manifest: manifest["shards"][0].update(path=name)


def _listed(name: Any) -> Edit:
    return lambda manifest: manifest["files"].update({name: "0" * 64})


def _moved(place: Any) -> Edit:
    return lambda manifest: manifest["sources"][0].update(images=place)


# What a manifest may state; "{world}" is the folder that contains the release.
EDITS: Mapping[str, Edit] = {
    "absolute": _renamed("{world}/victim.parquet"),
    "parent": _renamed("../victim.parquet"),
    "parent, shard's name": _renamed("../train-victim.parquet"),
    "parent within": _renamed("inter/../../elsewhere/inter/train-00000-of-00001.parquet"),
    "parent, windows": lambda manifest: manifest["shards"][-1].update(path="../windows.parquet"),  # stay in `remove`
    "own folder": _renamed(f"./{SHARD}"),
    "empty part": _renamed("inter//train-00000-of-00001.parquet"),
    "backslashes": _renamed("inter\\..\\..\\victim.parquet"),
    "drive": _renamed("C:/inter/train-00000-of-00001.parquet"),
    "NUL": _renamed(f"{SHARD}\0"),
    "line break": _renamed(f"inter/train-\n{SHARD}"),
    "too long": _renamed(f"inter/train-{'a' * 300}.parquet"),
    "empty": _renamed(""),
    "number": _renamed(7),
    "list": _renamed([SHARD]),
    "the manifest as shard": _renamed("manifest.json"),
    "twice": lambda manifest: manifest["shards"].append(manifest["shards"][0]),
    "file of the parent": _listed("../victim.txt"),
    "absolute file": _listed("{world}/victim.txt"),
    "file with NUL": _listed("assets/\0.png"),
    "source of another type": _moved(["{world}"]),
    "source with NUL": _moved("{world}\0"),
    "no source key": lambda manifest: manifest["sources"][0].pop("key"),
}


def edited(release: Path, name: str) -> Path:
    """The release with one edit of its manifest."""
    path = release / "manifest.json"
    manifest = json.loads(path.read_text())
    EDITS[name](manifest)
    path.write_text(json.dumps(manifest).replace("{world}", str(release.parent)))
    return release


# What may be a link, and where it leads, from the folder that contains the release; the content is the original's.
LINKS = {
    SHARD: "victim.parquet",
    "inter": "elsewhere/inter",
    "assets/tasks.png": "picture.png",
    "stats.json": "stats.json",
    "README.md": "card.md",
    "rejected.parquet": "rejected.parquet",
    "manifest.json": "manifest.json",
}


def linked(release: Path, name: str) -> Path:
    """The release with one file or folder moved out of it and linked."""
    target = release.parent / LINKS[name]
    if (release / name).is_dir():
        shutil.rmtree(release / name)
    else:
        (release / name).replace(target)
    (release / name).symlink_to(target)
    return release


TEXTS = ("id", "question", "contrast", "task", "distractors", "template_id", "tuple_id", "pair_id")


def with_texts(folder: Path, *, texts: Iterable[str] = (), task: bool = True, **manifest: Any) -> Path:
    """A release whose rows have a hostile text wherever one could become a name; its manifest is in order.

    `texts` replace all of `HOSTILE_TEXTS`; `task` False leaves each row's contrast and task as they should be.
    """
    release = write_tiny_release(folder / "release", rows=2, sources=[source(folder)], **manifest)
    embed, given = manifest.get("image_mode") != "reference", cycle(tuple(texts) or HOSTILE_TEXTS.values())
    for path in sorted(release.glob("int*/*.parquet")):
        folder_name, split = path.parent.name, path.name.partition("-")[0]
        good = [row(folder_name, split, number, embed=embed) for number in range(2)]
        rows = [
            _spoilt(one, next(given)) | ({} if task else {"contrast": folder_name, "task": one["task"]}) for one in good
        ]
        pq.write_table(pa.Table.from_pylist(rows, schema=arrow_schema()), path)
    write_manifest(release, sources=[source(folder)], **manifest)
    return release


def _spoilt(found: dict[str, Any], text: str) -> dict[str, Any]:
    spoilt: dict[str, Any] = {**found, **dict.fromkeys(TEXTS, text), "id": f"{text}{found['id']}"}
    spoilt["views"] = [{**view, "file_name": text, "source": text} for view in found["views"]]
    spoilt["query"] = {**found["query"], "labels": [text]}
    spoilt["objects"] = [{**entry, "label": text} for entry in found["objects"]]
    spoilt["answer"] = json.dumps(
        [{key: entry[key] for key in ("img_idx", "bbox_2d")} | {"label": text} for entry in found["objects"]]
    )
    spoilt["evidence"] = [{**entry, "label": text, "source": text, "warrant": text} for entry in found["evidence"]]
    return spoilt


# Each would leave the folder it is written into, or break the call that writes it.
HOSTILE_TEXTS = {
    "parent": "../../../victim",
    "absolute": "/victim",
    "backslashes": "..\\..\\victim",
    "NUL": "a\0b",
    "control characters": "a\n\x1b[2Jb",
    "long": "a" * 400,
    "dots": "..",
    "empty": "",
}
