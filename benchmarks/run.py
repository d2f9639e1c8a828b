"""Compares the cost of each stage of the project with that of a similar tool (the peer), and prints the table that
docs/performance.md shows.

Usage: python benchmarks/run.py [--coco ANN.json] [--lvis ANN.json] [--rows 20000] [--photos 5000] [--mig ANN.json]
       [--repeat 3] [--quick] [--docs docs]

The script paints the photos that it needs, and writes their annotations. To index and plan with your own annotation
files instead, pass --coco and --lvis. Every measurement runs --repeat times, each time in a separate process. Of these
runs, the table shows the one with the least CPU time. Times include imports, except for index, reward, and scoring.
--quick measures everything once on small inputs; --docs writes the figures to measured.json and their table to
performance.md.
"""

import argparse
import json
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks import measured, plain  # noqa: E402
from scripts.markdown import table  # noqa: E402

LIBRARIES = ("numpy", "pillow", "pyarrow", "datasets", "pycocotools", "lvis", "opencv-python")
PIXELS = ("intra/region", "intra/difference")  # tasks that need photos


@dataclass(frozen=True)
class Inputs:
    """Files and sizes of a run."""

    work: Path
    coco: Path
    lvis: Path
    photos: Path
    mig: Path | None
    rows: int

    @property
    def sources(self) -> list[str]:
        """Flags that name the painted photos and their annotations."""
        return ["--coco", f"{painted(self.photos, 'instances_train')}:{self.photos / 'images'}"]

    @property
    def known(self) -> list[str]:
        """The flags of `sources`, and two flags that tell the command how the photos are oriented and that every
        painted object has a box.
        """
        return [*self.sources, "--exhaustive", "--orientation", "as_stored"]


@dataclass(frozen=True)
class Cost:
    """Cost of a measurement: wall-clock seconds, processor seconds, and peak memory in MB."""

    seconds: float
    cpu: float
    peak: float


@dataclass(frozen=True)
class Line:
    """A row of the table: what is measured, the cost of this project, and the name and cost of the comparable tool (the
    peer).
    """

    what: str
    ours: Cost
    peer: str
    theirs: Cost


Measure = Callable[[Inputs], Cost]


def main() -> None:
    """Measure the stages, and print the table. With --docs, also store it."""
    options = arguments()
    if options.inside:
        return inside(json.loads(options.inside))
    with tempfile.TemporaryDirectory(prefix="cgc-run-") as folder:
        inputs = prepared(options, Path(folder))
        wanted = [entry for entry in measures(inputs) if not options.only or entry[0] in options.only]
        lines = [asdict(measure(inputs, 1 if options.quick else options.repeat)) for _, measure in wanted]
        if options.only and options.docs:
            lines = merged(measured.read(options.docs, "run")["lines"], lines)
        figures = {"about": about(inputs), "lines": lines}
    print(shown(figures))
    if options.docs:
        measured.keep(options.docs, "run", "performance.md", figures, shown(figures))
    return None


def arguments() -> argparse.Namespace:
    """The options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--coco", type=Path, help="COCO annotation file that the index stage reads")
    parser.add_argument("--lvis", type=Path, help="LVIS annotation file that the index stage reads")
    parser.add_argument("--mig", type=Path, help="annotation file of MIG-Bench")
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--photos", type=int, default=5_000, help="photos to paint for builds")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument(
        "--only",
        nargs="*",
        metavar="STAGE",
        help="measure only these stages; with --docs, the table keeps its rows for the other stages",
    )
    parser.add_argument(
        "--docs", type=Path, help=("folder in which to write measured.json and the table in performance.md")
    )
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    return parser.parse_args()


def merged(known: Sequence[dict[str, Any]], new: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The stored rows of the table. If a stage was measured again, its new row replaces the stored row."""
    by_stage = {entry["what"]: entry for entry in new}
    return [by_stage.get(entry["what"], entry) for entry in known]


def prepared(options: argparse.Namespace, work: Path) -> Inputs:
    """The inputs of a run.

    Paints photos. The annotations of these photos are used if no COCO or LVIS file was given.
    """
    photos = 60 if options.quick else options.photos
    cgc_data("paint", "standard", "--to", str(work / "photos"), "--photos", str(photos))
    rows = 40 if options.quick else options.rows
    coco, lvis = (painted(work / "photos", name) for name in ("instances_train", "lvis_train"))
    return Inputs(work, options.coco or coco, options.lvis or lvis, work / "photos", options.mig, rows)


def painted(photos: Path, name: str) -> Path:
    """An annotation file that `cgc-data paint` wrote."""
    return photos / "annotations" / f"{name}.json"


def measures(inputs: Inputs) -> list[tuple[str, Callable[[Inputs, int], Line]]]:
    """The stage of each row of the table, and the function that measures the stage. The order matters: some functions
    need a release that an earlier function writes.
    """
    found = [
        line(
            "index of COCO, cold", partial(within, "index_coco"), "pycocotools.COCO()", partial(within, "pycocotools")
        ),
        line("index of COCO, warm", partial(within, "warm_coco"), "pycocotools.COCO()", partial(within, "pycocotools")),
        line("index of LVIS, cold", partial(within, "index_lvis"), "lvis.LVIS()", partial(within, "lvis")),
        line("index of LVIS, warm", partial(within, "warm_lvis"), "lvis.LVIS()", partial(within, "lvis")),
        line("plan", planned, "pycocotools.COCO()", partial(within, "pycocotools")),
        line("render inter", partial(rendered, "inter"), "Pillow and datasets", partial(plainly, "inter")),
        line("render intra", partial(rendered, "intra"), "Pillow and datasets", partial(plainly, "intra")),
        line("whole build", built, "Pillow and datasets", partial(plainly, "both")),
        line("validate", validated, "copy of the release", copied),
        line("reward", partial(within, "reward"), "json.loads of the answers", partial(within, "json_answers")),
    ]
    if inputs.mig:
        scoring = line("scoring of MIG-Bench", partial(within, "mig"), "json.loads", partial(within, "json_mig"))
        found.append(scoring)
    return found


def line(what: str, ours: Measure, peer: str, theirs: Measure) -> tuple[str, Callable[[Inputs, int], Line]]:
    """Returns the stage, and a function that measures this project, then the peer, and returns the stage's row of the
    table.
    """

    def measured_line(inputs: Inputs, repeat: int) -> Line:
        runs = [(ours(inputs), theirs(inputs)) for _ in range(repeat)]
        best = (min(costs, key=lambda cost: cost.cpu) for costs in zip(*runs, strict=True))
        mine, other = best
        print(f"{what}: {mine.cpu:.2f} s, {peer}: {other.cpu:.2f} s", file=sys.stderr)
        return Line(what, mine, peer, other)

    return what, measured_line


def within(name: str, inputs: Inputs) -> Cost:
    """Run one function of `plain.FUNCTIONS` in a separate process. Returns the cost. The times exclude imports and
    preparation.
    """
    given = {"name": name, **{key: str(value) for key, value in asdict(inputs).items()}}
    output = run([sys.executable, __file__, "--inside", json.dumps(given)]).output
    return Cost(**json.loads(output.splitlines()[-1]))


def inside(given: Mapping[str, str]) -> None:
    """Run one function in this process and print its cost."""
    action = plain.FUNCTIONS[given["name"]](given)
    start, cpu = time.perf_counter(), time.process_time()
    action()
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    print(
        json.dumps(
            {"seconds": seconds, "cpu": cpu, "peak": megabytes(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)}
        )
    )


class Ran(NamedTuple):
    """The result of a finished command: its output, and its cost including its child processes."""

    output: str
    log: str
    cost: Cost


def run(command: Sequence[str]) -> Ran:
    """Run a command. If the command fails, prints the end of its error output and raises CalledProcessError."""
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as log:
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=output, stderr=log, text=True, cwd=ROOT)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        cost = Cost(time.perf_counter() - start, usage.ru_utime + usage.ru_stime, megabytes(usage.ru_maxrss))
        output.seek(0)
        log.seek(0)
        ran = Ran(output.read(), log.read(), cost)
    if process.returncode:
        print(ran.log[-2000:], file=sys.stderr)
        raise subprocess.CalledProcessError(process.returncode, command)
    return ran


def megabytes(size: int) -> float:
    """Convert a memory peak from `getrusage` to MB. The peak is in bytes on macOS and in KB elsewhere."""
    return size / (2**20 if sys.platform == "darwin" else 2**10)


def cgc_data(*words: str) -> Ran:
    """Run a command of `cgc-data`."""
    return run([sys.executable, "-c", "from cgc_data.cli import main; main()", *words])


def planned(inputs: Inputs) -> Cost:
    """Plan with two processes and a cached index. Photos are placeholder files without pixels. Tasks that need pixels
    are excluded.
    """
    script, out = str(ROOT / "benchmarks" / "empty_photos.py"), inputs.work / "planned"
    command = [sys.executable, script, str(inputs.coco), str(out), *(f"tasks.{task}=0" for task in PIXELS)]
    if not out.exists():
        run([*command, "--rows", "40"])
    return run([*command, "--rows", str(inputs.rows), "--workers", "2"]).cost


def rendered(contrast: str, inputs: Inputs) -> Cost:
    """Render the planned rows of one contrast (`inter` or `intra`) in one process."""
    out = inputs.work / f"rendered-{contrast}"
    shutil.rmtree(out, ignore_errors=True)
    cgc_data("plan", *build_settings(inputs, contrast), "--out", str(out))
    return cgc_data("render", str(out), "--workers", "1").cost


def built(inputs: Inputs) -> Cost:
    """Build a whole release in one process. The release is kept for `validated`."""
    out = inputs.work / "release-both"
    shutil.rmtree(out, ignore_errors=True)
    return cgc_data("build", *build_settings(inputs), "--workers", "1", "--out", str(out)).cost


def build_settings(inputs: Inputs, contrast: str = "") -> list[str]:
    """Settings for `cgc-data build`, without tasks that need pixels. If `contrast` is given, the tasks of the other
    contrast are excluded.
    """
    from cgc_data.tasks import PLANNED

    others = [task for task in PLANNED if task in PIXELS or not task.startswith(contrast)]
    return [*(f"tasks.{task}=0" for task in others), *inputs.known, "--samples", str(inputs.rows)]


def plainly(contrast: str, inputs: Inputs) -> Cost:
    """Run the plain implementation in plain.py, which writes the same number of rows with `datasets`."""
    script = str(ROOT / "benchmarks" / "plain.py")
    photos, to = str(inputs.photos), str(inputs.work / "plain.parquet")
    return run([sys.executable, script, contrast, str(inputs.rows), photos, to]).cost


def validated(inputs: Inputs) -> Cost:
    """Validate the release that `built` wrote, in one process."""
    return cgc_data("validate", str(inputs.work / "release-both"), *inputs.sources).cost


def copied(inputs: Inputs) -> Cost:
    """Copy the release."""
    target = inputs.work / "copy"
    shutil.rmtree(target, ignore_errors=True)
    code = "import shutil, sys; shutil.copytree(sys.argv[1], sys.argv[2])"
    return run([sys.executable, "-c", code, str(inputs.work / "release-both"), str(target)]).cost


def about(inputs: Inputs) -> dict[str, Any]:
    """Machine, versions, date, and sizes."""
    return {
        "date": datetime.now(timezone.utc).date().isoformat(),
        "machine": f"{platform.machine()}, Python {platform.python_version()}",
        "versions": {name: version(name) for name in LIBRARIES},
        "rows": inputs.rows,
        "coco_mb": round(inputs.coco.stat().st_size / 1e6, 1),
        "lvis_mb": round(inputs.lvis.stat().st_size / 1e6, 1),
    }


def shown(figures: Mapping[str, Any]) -> str:
    """The table in Markdown, and a line below the table with the date, machine, versions, and sizes."""
    head = ("stage", "processor s", "clock s", "peak MB", "peer", "its processor s", "its clock s", "ratio")
    rows = [cells(entry) for entry in figures["lines"]]
    facts = figures["about"]
    versions = ", ".join(f"{name} {number}" for name, number in facts["versions"].items())
    sizes = f"`{facts['rows']}` rows; COCO `{facts['coco_mb']}` MB, LVIS `{facts['lvis_mb']}` MB"
    return f"{table(head, rows)}\n`{facts['date']}`, `{facts['machine']}`, `{versions}`; {sizes}.\n"


def cells(entry: Mapping[str, Any]) -> list[str]:
    """One row of the table.

    The ratio compares processor times. If the ratio is below 1, this project takes less time.
    """
    ours, theirs = entry["ours"], entry["theirs"]
    ratio = ours["cpu"] / theirs["cpu"] if theirs["cpu"] else float("nan")
    figures = [f"{ours['cpu']:.3g}", f"{ours['seconds']:.3g}", f"{ours['peak']:.0f}"]
    others = [f"{theirs['cpu']:.3g}", f"{theirs['seconds']:.3g}", f"{ratio:.2g}"]
    return [entry["what"], *figures, entry["peer"], *others]


if __name__ == "__main__":
    main()
