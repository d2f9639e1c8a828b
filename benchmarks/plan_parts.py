"""Plans with two versions of the code, and compares the plans: the shares of tasks, the limits, the spread of rows over
photos, the balance, the positions of answers, and shortcuts. Most figures have confidence intervals.

Usage: python benchmarks/plan_parts.py instances_train2017.json --before WORKTREE [--rows 1000 --rows 20000] [--workers
       1] [KEY=VALUE ...]

WORKTREE is a checkout of the other version. Photos are placeholder files without pixels, so tasks that need pixels are
omitted. The current version of `cgc-data validate` checks the rows of both plans. Checks that need pixels are omitted.
"""

import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet as pq
import rich_click as click

ROOT = Path(__file__).resolve().parent.parent
PIXELS = ("intra/region", "intra/difference")  # tasks that need photos


class Found(NamedTuple):
    """A measurement and its interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.4f} [{self.low:.4f}, {self.high:.4f}]"


Figures = dict[str, Found]


@click.command(help=__doc__)
@click.argument("annotations", type=click.Path(exists=True, path_type=Path))
@click.argument("settings", nargs=-1)
@click.option("--before", type=click.Path(exists=True, path_type=Path), help="Checkout of the other version.")
@click.option("--rows", "numbers", multiple=True, type=int, default=(1000, 20_000), show_default=True)
@click.option("--workers", default=1, show_default=True)
def main(
    annotations: Path,
    settings: tuple[str, ...],
    before: Path | None,
    numbers: tuple[int, ...],
    workers: int,
) -> None:
    """Plan with both versions, and print the differences."""
    with tempfile.TemporaryDirectory() as folder:
        for rows in numbers:
            found = []
            for name, tree in (("before", before), ("after", ROOT)):
                if tree:
                    out = Path(folder) / f"{name}-{rows}"
                    print(rows, name, _plan_with(tree, annotations, settings, rows, workers, out), flush=True)
                    found.append(dict(_figures(annotations, out)))
            print(compared(rows, *found), flush=True)


def _plan_with(tree: Path, annotations: Path, settings: Iterable[str], rows: int, workers: int, out: Path) -> str:
    """Plan with the version of the code in a checkout, and return the cost."""
    script = str(ROOT / "benchmarks" / "empty_photos.py")
    omitted = [f"tasks.{task}=0" for task in PIXELS]
    command = [sys.executable, script, str(annotations), str(out), *omitted, *settings]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(tree), str(tree / "cards")])}
    command += [f"--rows={rows}", f"--workers={workers}"]
    return subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def _figures(annotations: Path, out: Path) -> Iterator[tuple[str, Found]]:
    """Validate the rows of a plan with all checks that do not need pixels, and yield the results."""
    from cgc_data.config import BuildConfig
    from cgc_data.sources.read import file_sha256
    from cgc_data.validate.across import CHECKS, AcrossCheck
    from cgc_data.validate.limits import Limits
    from cgc_data.validate.photos import PhotoFiles
    from cgc_data.validate.raw import RawSource
    from cgc_data.validate.report import Ledger
    from cgc_data.validate.samples import read_sample
    from cgc_data.validate.shortcuts import shortcut_checks
    from cgc_data.validate.tasks import task_measures
    from cgc_data.validate.trace import trace_of
    from cgc_data.validate.world import World
    from cgc_data.vocabulary import load_relations

    config = BuildConfig.model_validate_json((out / "config.json").read_text())
    key = f"coco-{file_sha256(annotations)[:8]}"
    world = World([RawSource(key, "coco", annotations, PhotoFiles(out / "photos"), None, False)], load_relations())
    limits, ledger = Limits(rows_per_photo=config.limits.rows_per_photo), Ledger(CHECKS)
    across, traces, rows = AcrossCheck(ledger, limits, world, {}), [], []
    for path in sorted(out.glob("int*.parquet")):
        for row in pq.read_table(path).to_pylist():
            sample = read_sample({**row, "images": []}, path.name)
            across.add(sample)
            traces.append(trace_of(sample, world))
            rows.append(row)
    across.finish()
    yield from _shares(rows)
    for check in (*ledger.checks(), *shortcut_checks(traces, limits), *task_measures(traces, limits)):
        if check.value is not None:
            yield check.name, Found(check.value, *(check.interval or (check.value, check.value)))


def _shares(rows: list[dict[str, Any]]) -> Iterator[tuple[str, Found]]:
    """Shares of tasks, kinds of distractors, numbers of images, and empty answers, with intervals. Also the spread of
    the rows over photos, without intervals.
    """
    from cgc_data.plan.asked import asked_as
    from cgc_data.validate.statistics import wilson

    counts = {
        "task": Counter(asked_as(row["contrast"], row["template_id"]) for row in rows),
        "kind": Counter(row["distractors"] for row in rows),
        "images": Counter(f"{row['contrast']}, {len(row['views'])}" for row in rows),
        "empty": Counter(row["contrast"] for row in rows if not row["objects"]),
        "first image": Counter(row["contrast"] for row in rows if row["objects"] and row["objects"][0]["img_idx"] == 1),
    }
    for what, found in counts.items():
        for name, number in sorted(found.items()):
            yield f"share of {what}: {name}", Found(number / len(rows), *wilson(number, len(rows)))
    shown = Counter(
        (row["contrast"], row["task"], photo)
        for row in rows
        for photo in {(part["source"], part["image_id"]) for view in row["views"] for part in view["parts"]}
    )
    most, photos = max(shown.values()), len({photo for *_, photo in shown})
    labels = Counter(label for row in rows for label in row["query"]["labels"])
    for what, value in (
        ("maximum number of rows of one task that show the same photo", most),
        ("photos", photos),
        ("labels", len(labels)),
    ):
        yield what, Found(value, value, value)


def compared(rows: int, *figures: Figures) -> str:
    """One line per measurement. If the intervals of the two versions do not overlap, the line ends with "apart"."""
    lines = [f"## {rows} rows"]
    for name in dict.fromkeys(name for found in figures for name in found):
        values = [found[name] for found in figures if name in found]
        apart = len(values) == 2 and (values[0].low > values[1].high or values[1].low > values[0].high)
        lines.append(" | ".join([name, *map(str, values), "apart" if apart else ""]))
    return "\n".join(lines)


if __name__ == "__main__":
    main()
