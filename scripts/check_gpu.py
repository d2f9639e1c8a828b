"""Train a random model of the real size by the one-GPU recipes on this machine's GPU, and hold it against the plan.

Usage: python scripts/check_gpu.py --to FOLDER [--work FOLDER] [--weights FOLDER] [--minutes 8] [--rehearse]
Every stage is a `cgc-train` command in a process of its own with a time limit; one that fails leaves the end of its
output, and the others go on. FOLDER gets gpu.json, gpu.md and log.txt, rewritten after every stage. The weights take
18 GB, everything else as much again. `--rehearse` does the same with the tiny model on the CPU.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any, Literal

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from scripts import gpu_stages as stages
from scripts.gpu_machine import Machine

# What is worth most comes first. The stages that need no GPU run beside the others.
STAGES: tuple[Callable[[Machine], dict[str, Any]], ...] = (
    *(stages.check_imports, stages.prepare, stages.check, stages.short, stages.resume, stages.whole_step),
    *(stages.warm_up, stages.merge, stages.devices, stages.long_completions, stages.quantised),
)
BESIDE = (stages.check, stages.merge)


@dataclass
class Result:
    """A stage: how it went, what was measured, and the end of its output where it failed."""

    stage: str
    status: Literal["ok", "failed", "not reached"] = "ok"
    seconds: float = 0
    facts: dict[str, Any] = field(default_factory=dict)
    output: str = ""


class Report:
    """The results so far, and the files that hold them."""

    def __init__(self, machine: Machine, folder: Path) -> None:
        self.machine, self.folder = machine, folder
        self.results: list[Result] = []
        self.one_at_a_time = Lock()
        folder.mkdir(parents=True, exist_ok=True)

    def stage(self, run: Callable[[Machine], dict[str, Any]]) -> None:
        """Run a stage, whatever becomes of it, and write everything anew."""
        result, began = Result(run.__name__), time.monotonic()
        if self.machine.end - began < 15:
            result.status = "not reached"
        else:
            try:
                result.facts = run(self.machine)
            except Exception as error:  # the other stages are worth having
                result.status, result.output = "failed", f"{type(error).__name__}: {error}"
        result.seconds = round(time.monotonic() - began, 1)
        print(f"{result.stage}: {result.status}, {result.seconds} s {result.output[-1500:]}", flush=True)
        with self.one_at_a_time:
            self.results.append(result)
            self.write()

    def write(self) -> None:
        """gpu.json, gpu.md and log.txt."""
        content = json.dumps([asdict(result) for result in self.results], indent=1, default=str)
        (self.folder / "gpu.json").write_text(content + "\n", encoding="utf-8")
        (self.folder / "gpu.md").write_text(table(self.results), encoding="utf-8")
        logs = [f"== {path.name}\n{path.read_text(errors='replace')[-60_000:]}\n" for path in self.logs()]
        (self.folder / "log.txt").write_text("".join(logs), encoding="utf-8")

    def logs(self) -> list[Path]:
        """The logs, in the order in which they were begun."""
        return sorted(self.machine.work.glob("*.log"), key=lambda path: path.stat().st_ctime)


def table(results: Sequence[Result]) -> str:
    """A line for each stage that trained: seconds, gigabytes measured and planned, and tokens."""
    head = "| stage | status | s | sampling GB (plan) | learning GB (plan) | tokens/s | s of learning | s a step |"
    lines = [head, "| --- " * 8 + "|"]
    for result in results:
        facts = result.facts
        plan_of, sampled = facts.get("plan") or {}, facts.get("sampling") or {}
        learned, steps = facts.get("learning") or {}, facts.get("train") or []
        cells = [result.stage, result.status, f"{result.seconds:.0f}"]
        for name, part in (("sampling", sampled), ("learning", learned)):
            cells.append(f"{part.get('reserved_gb', 0):.1f} ({plan_of.get(name, 0):.1f})" if part else "")
        cells.append(f"{sampled['tokens_per_second']:.0f}" if sampled else "")
        cells.append(f"{sum(learned['seconds']):.1f}" if learned else "")
        cells.append(", ".join(f"{line['step_time']:.1f}" for line in steps if "step_time" in line))
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Run the stages."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--to", type=Path, required=True)
    parser.add_argument("--work", default="demo/gpu")
    parser.add_argument("--weights")
    parser.add_argument("--minutes", type=float, default=8)
    parser.add_argument("--stages", nargs="+", choices=[run.__name__ for run in STAGES])
    parser.add_argument("--rehearse", action="store_true")
    asked = parser.parse_args()
    report = Report(Machine(asked), asked.to)
    with ThreadPoolExecutor(1) as beside:
        for run in STAGES:
            if asked.stages and run.__name__ not in asked.stages:
                continue
            if run in BESIDE:
                beside.submit(report.stage, run)
            else:
                report.stage(run)


if __name__ == "__main__":
    main()
