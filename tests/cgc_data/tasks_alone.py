"""Releases of one task alone, checks of single rows of them against their raw sources, and made-up traces."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from cgc_data.builder.release import build_release
from cgc_data.config import BuildConfig, Source
from cgc_data.release.manifest import read_manifest
from cgc_data.release.read import open_release
from cgc_data.tasks import PLANNED, TASKS
from cgc_data.validate.limits import Limits
from cgc_data.validate.report import Ledger
from cgc_data.validate.rows import CHECKS, RowChecker
from cgc_data.validate.run import open_sources
from cgc_data.validate.samples import read_sample
from cgc_data.validate.tasks import check_of
from cgc_data.validate.trace import Asked, Trace
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


def views_of(rows: Iterable[Mapping[str, Any]]) -> dict[str, list[bytes]]:
    """The images of each row, by its id."""
    return {row["id"]: [image["bytes"] for image in row["images"]] for row in rows}


def world_of(release: Path) -> World:
    """The raw sources of a release."""
    return World(open_sources(release, read_manifest(release), ()), load_relations())


def faults(row: Row, world: World) -> list[str]:
    """What the task's own check finds wrong."""
    sample = read_sample(row, "here")  # type: ignore[arg-type]
    return [fault for _, fault in check_of(TASKS[f"{row['contrast']}/{row['task']}"])(sample, world, Limits()) if fault]


class RawChecks:
    """The checks of `validate` for rows of one release, changed or not."""

    def __init__(self, release: Path) -> None:
        self._manifest, self.world = read_manifest(release), world_of(release)

    def breached(self, *rows: Row) -> set[str]:
        """Names of the checks that rows break by themselves; what holds between rows is not judged."""
        ledger = Ledger(CHECKS)
        checker = RowChecker(self._manifest, self.world, ledger)
        for row in rows:
            checker.row(f"{row['contrast']}/{row['split']}-", row)  # type: ignore[arg-type]
        return {check.name for check in ledger.checks() if check.status == "fail"}

    def traces(self, rows: Iterable[Row]) -> list[Trace]:
        """What is kept of the rows for statistics."""
        checker = RowChecker(self._manifest, self.world, Ledger(CHECKS))
        for row in rows:
            checker.row(f"{row['contrast']}/{row['split']}-", row)  # type: ignore[arg-type]
        return checker.traces


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


def listing(place: int, task: str, asked: Iterable[Asked], template: int = 0) -> Trace:
    """The trace of a row that lists several labels, about two photos that no other row shows."""
    labels = tuple(asked)
    return Trace(
        id=f"row {place}",
        contrast="inter",
        task=task,
        template_id=f"{task}/{template}",
        label=labels[0].label,
        words=frozenset(one.label for one in labels),
        sizes=((640, 480), (640, 480)),
        num_bytes=(100_000, 100_000),
        enlargements=(1.0, 1.0),
        candidates=(1, 2),
        photos=(f"photo {place}", f"other {place}"),
        annotated=(3, 3),
        targets=frozenset({1, 2}),
        boxes=(),
        reference=None,
        named=False,
        tuple_id=f"set {place}",
        pair_id="",
        focus=None,
        asked=labels,
    )
