"""File layout used by the authors of VLM2-Bench."""

from collections.abc import Mapping

from cgc_bench.errors import PrepareError
from cgc_bench.prepare.files import Files
from cgc_bench.prepare.layout import Layout
from cgc_bench.vlm2.items import SUBTASKS, Item


def _annotations(files: Files, variant: str) -> Mapping[str, str]:  # noqa: ARG001 - there is one
    wanted = tuple(f"{task.partition('_')[0]}/vanilla/{task}.jsonl" for task in SUBTASKS)
    found = {name: f"jsonl/{suffix}" for name in files.names() for suffix in wanted if _ends(name, f"jsonl/{suffix}")}
    if not found:
        raise PrepareError(f"{files.label} contains no question file such as jsonl/gc/vanilla/gc_mat.jsonl")
    return found


def _ends(name: str, suffix: str) -> bool:
    return name == suffix or name.endswith(f"/{suffix}")


def _image(item: Item, path: str) -> str:
    return f"{SUBTASKS[item.task][1]}/{path.removeprefix('./')}"


LAYOUT = Layout(
    repository="Sterzhang/vlm2-bench",
    patterns=("vlm2-bench_dataset.zip",),
    archive="vlm2-bench_dataset.zip",
    variants=("vanilla",),
    annotations=_annotations,
    read="",
    image=_image,
)
