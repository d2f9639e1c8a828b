"""Writes the tables of GPU measurements in docs/gpu.md. `scripts/check_gpu.py` uses this module too, to write a gpu.md
in its output folder.

Usage: python scripts/gpu_page.py [gpu.json...]

Run the script after the memory plan has changed: it recomputes the plan of every run and rewrites the tables. If you
pass gpu.json files of later runs of `scripts/check_gpu.py`, it also adds their stages to docs/gpu.json. A test checks
that the page matches its output.
"""

import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from cgc_train.check.batch import arguments
from cgc_train.check.memory import MemoryPlan, memory_plan
from cgc_train.check.planned import GB, Longest
from cgc_train.check.shape import measure
from cgc_train.engines import TESTED
from cgc_train.model import qwen3_vl_8b_config
from cgc_train.recipe import load_recipe
from scripts.markdown import table

ROOT = Path(__file__).resolve().parents[1]
FACTS, PAGE = ROOT / "docs" / "gpu.json", ROOT / "docs" / "gpu.md"
ANY_SIZE = ("grpo.use_vllm=false", "gpu_memory_gb=1000")  # plan regardless of the GPU's memory
VERSIONS = ("torch", "transformers", "trl", "accelerate", "peft", "datasets")


@dataclass
class Result:
    """A stage: its outcome, its measurements, and the end of its output if it failed."""

    stage: str
    status: Literal["ok", "failed", "out of time", "not reached"] = "ok"
    seconds: float = 0
    facts: dict[str, Any] = field(default_factory=dict)
    output: str = ""
    date: str = ""  # day of the stage, if it was added from a later run of the check


@dataclass
class Record:
    """A run of the check: its date, and its stages."""

    date: str
    results: list[Result]

    def of(self, stage: str) -> dict[str, Any]:
        """Measurements of a stage."""
        return next(result.facts for result in self.results if result.stage == stage)

    def text(self) -> str:
        """The record as JSON."""
        return json.dumps(asdict(self), indent=1, default=str) + "\n"


def read(file: Path) -> Record:
    """The record that `Record.text` wrote."""
    content = json.loads(file.read_text(encoding="utf-8"))
    return Record(content["date"], [Result(**result) for result in content["results"]])


def add(record: Record, more: Record) -> None:
    """Add the stages of a later run to a record. Stages that the record already lists as successful are not replaced.

    Raises ValueError if the later run used other package versions or another GPU.
    """
    if _on(record) != _on(more):
        raise ValueError("the later run used other package versions or another GPU")
    for result in (replace(result, date=more.date) for result in more.results):
        old = next((old for old in record.results if old.stage == result.stage), None)
        if old is None:
            record.results.append(result)
        elif old.status != "ok" and result.status != "not reached":
            record.results[record.results.index(old)] = result


def plan_again(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Gigabytes that the memory plan predicts for a measured run."""
    found, longest = memory_of(facts), facts["plan"]["longest"]
    return {"sampling": found.at("sampling") / GB, "learning": found.at("learning") / GB, "longest": longest}


def memory_of(facts: Mapping[str, Any]) -> MemoryPlan:
    """The memory plan of a measured run, computed from its settings and its longest row."""
    recipe = load_recipe(facts["recipe"], [*facts["settings"], *ANY_SIZE])
    shape = measure(qwen3_vl_8b_config())
    return memory_plan(shape, recipe, arguments(recipe), Longest(**facts["plan"]["longest"]))


def stages(results: Sequence[Result]) -> str:
    """A table with one line per stage: status, time, planned and measured memory in gigabytes, and speed."""
    sampling = ("sampling: plan", "allocated", "reserved")
    head = ("stage", "status", "s", *sampling, "learning: plan", "allocated", "tokens/s", "s a step")
    return table(head, [list(_cells(result)) for result in results])


def _cells(result: Result) -> Iterator[str]:
    facts = result.facts
    planned, sampled, learned = (facts.get(name) or {} for name in ("plan", "sampling", "learning"))
    yield from (result.stage, result.status, f"{result.seconds:.0f}")
    numbers = (planned.get("sampling"), sampled.get("allocated_gb"), sampled.get("reserved_gb"))
    for number in (*numbers, planned.get("learning"), learned.get("allocated_gb")):
        yield "" if number is None else f"{number:.1f}"
    yield f"{sampled['tokens_per_second']:.0f}" if sampled else ""
    yield ", ".join(f"{line['step_time']:.1f}" for line in facts.get("train", ()) if "step_time" in line)


def _on(record: Record) -> list[str]:
    """The GPU and the versions of a run."""
    facts = record.of("check_imports")
    return [facts[name] for name in ("gpu", *VERSIONS)]


def machine(record: Record) -> str:
    """The machine of the run."""
    facts = record.of("check_imports")
    dates = sorted({record.date, *(result.date for result in record.results if result.date)})
    rows = [("GPU", f"{facts['gpu']}, {facts['gpu_gb']:.0f} GB"), ("date", ", ".join(dates))]
    versions = [(name, facts[name]) for name in VERSIONS]
    engines = {name: version for result in record.results for name, version in _engines(result)}
    return table(("what", "which"), [*rows, *versions, *engines.items()])


def _engines(result: Result) -> Iterator[tuple[str, str]]:
    """Engines that were installed for a stage, each with its version."""
    found = result.facts.get("versions", {})
    return ((name, found[name]) for name in TESTED if name in found)


def devices(record: Record) -> str:
    """Differences between GPU and CPU."""
    head = ("training", "steps", "largest difference of losses", "of gradients' norms")
    rows = []
    for kind, found in record.of("devices").items():
        differences = (found["largest_difference_of_loss"], found["largest_difference_of_grad_norm"])
        rows.append([kind, str(len(found["losses"])), *(f"{difference:.0e}" for difference in differences)])
    return table(head, rows)


def resumed(record: Record) -> str:
    """A table that compares the last step of a run without a stop and of a resumed run."""
    found = record.of("resume")
    steps = {"not stopped": found["last_step_before"][-1], "resumed": found["train"][-1]}
    rows = [(name, f"{step['loss']:.3g}", f"{step['grad_norm']:.4g}") for name, step in steps.items()]
    return table(("run", "loss", "gradient norm"), rows)


def tables(record: Record) -> dict[str, str]:
    """The tables of the page. Each key is the name in the mark before the table."""
    found = {"machine": machine(record), "stages": stages(record.results)}
    return found | {"devices": devices(record), "resumed": resumed(record)}


def page(text: str, record: Record) -> str:
    """The page with its tables rewritten between their marks."""
    for name, content in tables(record).items():
        mark = rf"(<!-- {name} -->\n).*?(<!-- end -->)"
        text = re.sub(mark, rf"\g<1>\n{content}\n\g<2>", text, flags=re.DOTALL)
    return text


def main() -> None:
    """Add later runs, recompute the memory plan of every run, and write docs/gpu.json and docs/gpu.md."""
    record = read(FACTS)
    for file in sys.argv[1:]:
        add(record, read(Path(file)))
    for result in record.results:
        if "plan" in result.facts:
            result.facts["plan"] = plan_again(result.facts)
    FACTS.write_text(record.text(), encoding="utf-8")
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8"), record), encoding="utf-8")


if __name__ == "__main__":
    main()
