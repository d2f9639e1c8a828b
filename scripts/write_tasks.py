"""Writes lmms-eval's task files in cgc_bench/tasks: one for each combination of task, variant, and prompt, and one for
each group.

Usage: python scripts/write_tasks.py

Run the script after a benchmark's tasks or metrics have changed. A test checks that the files match the output of this
script.
"""

import json
from collections.abc import Iterator
from pathlib import Path

from cgc_bench.scoring.benchmark import PACKAGES, AnyBenchmark, benchmark

FOLDER = Path(__file__).parents[1] / "cgc_bench" / "tasks"
REQUESTS = "requests.json"
TASK = """include: ../_shared.yaml
task: {name}
dataset_kwargs: {{data_files: {{test: ../requests.json}}, field: {name}}}
generation_kwargs: !function cgc_bench.lmms.chosen.{name}
metric_list:
{metrics}
"""
METRIC = "  - {{metric: {name}, aggregation: !function cgc_bench.lmms.tasks.percent, higher_is_better: {better}}}"
GROUP = """group: {name}
task:
{tasks}
aggregate_metric_list:
{metrics}
metadata: {{version: 1}}
"""
ALL = """group: cgc_all
task:
{tasks}
metadata: {{version: 1}}
"""
MEAN = "  - {{metric: {name}, aggregation: mean, weight_by_size: false}}"


def main() -> None:
    """Rewrite every file."""
    for path, content in files():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")


def files() -> Iterator[tuple[Path, str]]:
    """Path and content of every generated file."""
    requests = {}
    benchmarks = [benchmark(name) for name in PACKAGES]
    for bench in benchmarks:
        for group in bench.groups:
            for task in bench.tasks:
                field = f"{group.name}_{task}"
                requests[field] = [
                    {"benchmark": bench.name, "variant": group.variant, "task": task, "prompt": group.prompt}
                ]
                yield _folder(bench) / f"{field}.yaml", _task(bench, field)
            yield _folder(bench) / f"_{group.name}.yaml", _group(bench, group.name)
    together = "\n".join(f"  - {bench.groups[0].name}" for bench in benchmarks if bench.in_all)
    yield FOLDER / "cgc_all" / "_cgc_all.yaml", ALL.format(tasks=together)
    yield FOLDER / REQUESTS, json.dumps(requests, indent=1) + "\n"


def _folder(bench: AnyBenchmark) -> Path:
    return FOLDER / f"cgc_{bench.name}"


def _task(bench: AnyBenchmark, name: str) -> str:
    metrics = "\n".join(
        METRIC.format(name=metric, better=str(metric not in bench.lower_is_better).lower())
        for metric in (*bench.metrics, *bench.diagnostics)
    )
    return TASK.format(name=name, metrics=metrics)


def _group(bench: AnyBenchmark, name: str) -> str:
    tasks = "\n".join(f"  - {name}_{task}" for task in bench.tasks)
    metrics = "\n".join(MEAN.format(name=metric) for metric in bench.metrics)
    return GROUP.format(name=name, tasks=tasks, metrics=metrics)


if __name__ == "__main__":
    main()
