"""Releases of one task alone, and its own check applied to rows of them."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cgc_data.builder.release import build_release
from cgc_data.config import BuildConfig, Source
from cgc_data.release.read import open_release
from cgc_data.tasks import PLANNED, TASKS
from cgc_data.validate.limits import Limits
from cgc_data.validate.run import open_sources
from cgc_data.validate.samples import read_sample
from cgc_data.validate.tasks import check_of
from cgc_data.validate.world import World
from cgc_data.vocabulary import concept_of, load_relations

Row = dict[str, Any]


def build_alone(task: str, sources: Sequence[Source], samples: int, out: Path, **settings: Any) -> Path:
    """A finished release with rows of one task."""
    shares = {other: float(other == task) for other in PLANNED}
    build_release(BuildConfig(sources=list(sources), samples=samples, tasks=shares, **settings), out)
    return out


def rows_of(release: Path) -> list[Row]:
    """All rows, with their images if the release stores them."""
    return [dict(row) for row in open_release(release).rows(images=True)]


def world_of(release: Path) -> World:
    """The raw sources of a release."""
    manifest = open_release(release).manifest
    return World(open_sources(release, manifest, ()), load_relations())


def faults(row: Row, world: World) -> list[str]:
    """What the task's own check finds wrong."""
    sample = read_sample(row, "here")  # type: ignore[arg-type]
    return [fault for _, fault in check_of(TASKS[f"{row['contrast']}/{row['task']}"])(sample, world, Limits()) if fault]


def real_sources(folder: Path) -> list[Source]:
    """The two samples of COCO and LVIS photos."""
    coco, lvis = folder / "coco_sample", folder / "lvis_sample"
    return [
        Source(kind="coco", annotations=str(coco / "instances.json"), images=str(coco / "images")),
        Source(kind="lvis", annotations=str(lvis / "lvis.json"), images=str(lvis / "images")),
    ]


def annotated(sources: Sequence[Source], view: Row, label: str) -> list[list[float]]:
    """Boxes x, y, width, height of a label in the photo of a view, by the first annotation file that has any."""
    concept = concept_of(label)
    for source in sources:
        content = json.loads(Path(source.annotations).read_text(encoding="utf-8"))
        names = {c["id"]: concept_of(c["name"], c.get("synset", "")) for c in content["categories"]}
        shown = {i["id"] for i in content["images"] if _base_name(i) == view["file_name"].rpartition("/")[2]}
        found = [a for a in content["annotations"] if a["image_id"] in shown and names[a["category_id"]] == concept]
        if found:
            return [annotation["bbox"] for annotation in found]
    return []


def _base_name(image: Row) -> str:
    return str(image.get("file_name") or image["coco_url"]).rpartition("/")[2]
