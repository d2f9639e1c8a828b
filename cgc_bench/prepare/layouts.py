"""How each benchmark's authors lay their files out: the repository, the annotations, where an item's images are."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cgc_bench.errors import PrepareError
from cgc_bench.mig.items import SHA256
from cgc_bench.prepare.files import Files
from cgc_bench.vlm2.items import SUBTASKS

Image = Callable[[Any, str], str]


@dataclass(frozen=True)
class Layout:
    """Layout of one benchmark.

    Attributes:
        repository: of the Hub.
        patterns: files of it that are needed.
        archive: the zip in it that holds all; empty where files lie there as they are.
        variants: of the annotations, the default first.
        annotations: paths of the annotations within the files, and where each is kept; for a variant.
        read: what of the kept annotations `read_items` takes; empty for their folder.
        image: path of an item's image, as from the root that the authors' code runs in.
    """

    repository: str
    patterns: tuple[str, ...]
    archive: str
    variants: tuple[str, ...]
    annotations: Callable[[Files, str], Mapping[str, str]]
    read: str
    image: Image


def _mig_annotations(files: Files, variant: str) -> Mapping[str, str]:
    """The file of the variant's sha256, whatever its name."""
    tables = [name for name in files.names() if name.endswith(".json")]
    known = {name: hashlib.sha256(files.read(name)).hexdigest() for name in tables}
    for name, digest in known.items():
        if digest == SHA256[variant]:
            return {name: "items.json"}
    hint = "; the tasks of cgc_mig_original need none" if variant == "revised" else ""
    raise PrepareError(
        f"{files.label} holds no {variant} annotations of MIG-Bench (sha256 {SHA256[variant][:12]}...): "
        f"name the file with --annotations FILE{hint}"
    )


def _vlm2_annotations(files: Files, variant: str) -> Mapping[str, str]:  # noqa: ARG001 - there is one
    wanted = tuple(f"{task.partition('_')[0]}/vanilla/{task}.jsonl" for task in SUBTASKS)
    found = {name: f"jsonl/{suffix}" for name in files.names() for suffix in wanted if _ends(name, f"jsonl/{suffix}")}
    if not found:
        raise PrepareError(f"{files.label} holds no question file such as jsonl/gc/vanilla/gc_mat.jsonl")
    return found


def _ends(name: str, suffix: str) -> bool:
    return name == suffix or name.endswith(f"/{suffix}")


def _mig_image(item: Any, path: str) -> str:  # noqa: ARG001 - every benchmark's takes an item
    return path.removeprefix("./").removeprefix("MIG-Bench/")


def _vlm2_image(item: Any, path: str) -> str:
    return f"{SUBTASKS[item.task][1]}/{path.removeprefix('./')}"


LAYOUTS = {
    "mig": Layout(
        "Michael4933/MIG-Bench",
        ("*.json", "images/**", "*.zip"),
        "",
        ("revised", "original"),
        _mig_annotations,
        "items.json",
        _mig_image,
    ),
    "vlm2": Layout(
        "Sterzhang/vlm2-bench",
        ("vlm2-bench_dataset.zip",),
        "vlm2-bench_dataset.zip",
        ("vanilla",),
        _vlm2_annotations,
        "",
        _vlm2_image,
    ),
}
