"""Small stand-ins for MIG-Bench and VLM2-Bench in their authors' layout, with drawn images."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

from cgc_bench.mig.items import TASKS
from cgc_bench.prepare import Prepared
from cgc_bench.prepare.write import prepare_files
from cgc_bench.scoring.benchmark import benchmark
from cgc_bench.scoring.published import PublishedBenchmark
from cgc_bench.vlm2.items import SUBTASKS
from tests.cgc_bench import mig_rows, vlm2_rows


def drawn(number: int = 0, size: tuple[int, int] = (96, 64)) -> bytes:
    """An image with one rectangle, a JPEG."""
    image, buffer = Image.new("RGB", size, (200, 220, 240)), io.BytesIO()
    ImageDraw.Draw(image).rectangle((10 + number % 30, 10, 50 + number % 30, 40), fill=(180, 40, 20 * (number % 10)))
    image.save(buffer, "JPEG")
    return buffer.getvalue()


def mig_folder(folder: Path) -> tuple[Path, Path]:
    """The images' root as on the Hub, and an annotation file with an item or two of every task."""
    rows = [mig_rows.row(task) for task in TASKS if task not in ("group_grounding", "object_tracking")]
    rows += [mig_rows.group_row("first"), mig_rows.tracking_row(), mig_rows.group_row()]
    for number, path in enumerate(sorted({path for row in rows for path in row["images"]})):
        target = folder / "mig" / path.removeprefix("MIG-Bench/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(drawn(number))
    annotations = folder / "annotations.json"
    annotations.write_text(json.dumps(rows), encoding="utf-8")
    return folder / "mig", annotations


def vlm2_folder(folder: Path) -> Path:
    """The unpacked archive."""
    root = vlm2_rows.write(folder / "vlm2-bench")
    for task, rows in vlm2_rows.ROWS.items():
        for path in sorted({path for row in rows for path in row["images"]}):
            target = root / SUBTASKS[task][1] / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(drawn(len(path)))
    return root


def zipped(folder: Path, archive: Path) -> Path:
    """A folder as the zip archive of it, its own name in front."""
    with zipfile.ZipFile(archive, "w") as out:
        for path in sorted(folder.rglob("*")):
            out.write(path, path.relative_to(folder.parent).as_posix())
    return archive


def prepare(name: str, variant: str | None = None, **given: Any) -> Prepared:
    bench = benchmark(name)
    assert isinstance(bench, PublishedBenchmark)
    return prepare_files(name, bench.layout, bench.read_items, variant, **given)
