"""Trains a full-size model with random weights on this machine's GPU, and compares the measured GPU memory with the
memory plan.

Usage: python scripts/check_gpu.py --to FOLDER [--work FOLDER] [--weights FOLDER] [--minutes 20] [--stages NAME...]
       [--rehearse]

Requires the packages of `pip install '.[train]'` and a torch build for the GPU. The stages `full_adam8` and
`full_adam32` also require deepspeed. The stages `full_adam8` and `quantised` also require bitsandbytes. Nothing is
downloaded: data and weights are generated. The weights take 18 GB on disk, and all other files together take about as
much. Every stage runs its commands in separate processes with a time limit. If a stage fails, the end of its output is
kept, and the other stages continue. A stage that would exceed the remaining minutes is not started. The results are
written to gpu.json, gpu.md, and log.txt in FOLDER after every stage. `--rehearse` runs the same stages with the tiny
model on the CPU.
"""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from scripts import gpu_full as full
from scripts import gpu_stages as stages
from scripts.gpu_machine import Machine, StageError, TimeUpError
from scripts.gpu_page import Record, Result
from scripts.gpu_page import stages as table_of

Stage = Callable[[Machine], dict[str, Any]]

# Most valuable first, with the approximate seconds on an H200.
STAGES: dict[Stage, float] = {
    stages.check_imports: 30,
    stages.prepare: 60,
    stages.check: 25,
    stages.short: 180,
    stages.resume: 80,
    stages.whole_step: 105,
    stages.warm_up: 120,
    stages.merge: 120,
    stages.devices: 115,
    stages.long_completions: 200,
    full.full_long: 140,
    full.full_adam8: 120,
    full.full_adam32: 95,
    stages.quantised: 80,
}
# These do not need a GPU and run alongside the others.
BESIDE = (stages.check_imports, stages.check, stages.merge)


class Report:
    """The results so far, and the folder to which they are written."""

    def __init__(self, machine: Machine, folder: Path) -> None:
        self.machine, self.folder = machine, folder
        self.record = Record(time.strftime("%Y-%m-%d"), [])
        self.one_at_a_time = Lock()
        folder.mkdir(parents=True, exist_ok=True)

    def stage(self, run: Stage) -> None:
        """Run a stage, and then rewrite all result files, even if the stage failed."""
        result, began = Result(run.__name__), time.monotonic()
        if self.machine.end - began < (15 if self.machine.rehearse else STAGES[run]):
            result.status = "not reached"
        else:
            self.measure(run, result)
        result.seconds = round(time.monotonic() - began, 1)
        print(f"{result.stage}: {result.status}, {result.seconds} s {result.output[-1500:]}", flush=True)
        with self.one_at_a_time:
            self.record.results.append(result)
            self.write()

    def measure(self, run: Stage, result: Result) -> None:
        """Run a stage and store its outcome in `result`."""
        try:
            result.facts = run(self.machine)
        except StageError as error:
            result.status = "out of time" if isinstance(error, TimeUpError) else "failed"
            result.output, result.facts = str(error), error.facts
        except Exception as error:  # the other stages are still useful
            result.status, result.output = "failed", f"{type(error).__name__}: {error}"

    def write(self) -> None:
        """Write gpu.json, gpu.md, and log.txt."""
        (self.folder / "gpu.json").write_text(self.record.text(), encoding="utf-8")
        (self.folder / "gpu.md").write_text(table_of(self.record.results), encoding="utf-8")
        logs = [f"== {path.name}\n{path.read_text(errors='replace')[-60_000:]}\n" for path in self.logs()]
        (self.folder / "log.txt").write_text("".join(logs), encoding="utf-8")

    def logs(self) -> list[Path]:
        """The paths of all logs, in the order in which the commands started."""
        return sorted(self.machine.work.glob("*.log"), key=lambda path: path.stat().st_ctime)


def wanted(names: Sequence[str] | None) -> list[Stage]:
    """The stages with these names, in the given order; all stages if no names are given."""
    by_name = {run.__name__: run for run in STAGES}
    return [by_name[name] for name in names] if names else list(STAGES)


def main() -> None:
    """Run the stages."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--to", type=Path, required=True)
    parser.add_argument("--work", default="demo/gpu")
    parser.add_argument("--weights")
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--stages", nargs="+", choices=[run.__name__ for run in STAGES])
    parser.add_argument("--rehearse", action="store_true")
    asked = parser.parse_args()
    report = Report(Machine(asked), asked.to)
    with ThreadPoolExecutor(1) as beside:
        for run in wanted(asked.stages):
            if run in BESIDE:
                beside.submit(report.stage, run)
            else:
                report.stage(run)


if __name__ == "__main__":
    main()
