"""Writes the task files of cgc_bench/tasks for lmms-eval: one a task, variant and prompt, and the groups of them.

Usage: python scripts/write_tasks.py
Run it after a benchmark's tasks or metrics have changed; a test holds that the files are what it writes.
"""

import json
from collections.abc import Iterator
from pathlib import Path

from cgc_bench.contrast.items import OFFICIAL_NEW_TOKENS as CONTRAST_TOKENS
from cgc_bench.mig.prompts import OFFICIAL_NEW_TOKENS as MIG_TOKENS
from cgc_bench.mig.prompts import THINK_NEW_TOKENS
from cgc_bench.scoring.benchmark import benchmark
from cgc_bench.transfer.prompts import OFFICIAL_NEW_TOKENS as TRANSFER_TOKENS
from cgc_bench.vlm2.prompts import OFFICIAL_NEW_TOKENS as VLM2_TOKENS

FOLDER = Path(__file__).parents[1] / "cgc_bench" / "tasks"
REQUESTS = "requests.json"
# Group to benchmark, variant of its annotations, and prompt.
GROUPS = {
    "cgc_mig": ("mig", "revised", "official"),
    "cgc_mig_think": ("mig", "revised", "think"),
    "cgc_mig_original": ("mig", "original", "official"),
    "cgc_vlm2": ("vlm2", "vanilla", "official"),
    "cgc_vlm2_think": ("vlm2", "vanilla", "think"),
    "cgc_contrast": ("contrast", "test", "official"),
    "cgc_contrast_think": ("contrast", "test", "think"),
    "cgc_transfer": ("transfer", "hub", "official"),
    "cgc_transfer_think": ("transfer", "hub", "think"),
}
LOWER_IS_BETTER = {
    "no_box", "pixel_scale", "no_index", "unreadable", "leakage", "leakage_same_place", "leakage_same_place_expected",
    "hallucination", "false_empty",
}  # fmt: skip
TASK = """include: ../_shared.yaml
task: {name}
dataset_kwargs: {{data_files: {{test: ../requests.json}}, field: {name}}}
generation_kwargs: {{max_new_tokens: {tokens}, temperature: 0, do_sample: false, until: []}}
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
TOGETHER = ("cgc_contrast", "cgc_mig", "cgc_vlm2", "cgc_transfer")
MEAN = "  - {{metric: {name}, aggregation: mean, weight_by_size: false}}"


def main() -> None:
    """Write every file anew."""
    for path, content in files():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")


def files() -> Iterator[tuple[Path, str]]:
    """Path and content of every file that is generated."""
    requests = {}
    for group, (name, variant, prompt) in GROUPS.items():
        bench = benchmark(name)
        for task in bench.tasks:
            field = f"{group}_{task}"
            requests[field] = [{"benchmark": name, "variant": variant, "task": task, "prompt": prompt}]
            yield _folder(name) / f"{group}_{task}.yaml", _task(group, task, prompt)
        yield _folder(name) / f"_{group}.yaml", _group(group, bench)
    yield FOLDER / "cgc_all" / "_cgc_all.yaml", ALL.format(tasks="\n".join(f"  - {group}" for group in TOGETHER))
    yield FOLDER / REQUESTS, json.dumps(requests, indent=1) + "\n"


def _folder(name: str) -> Path:
    return FOLDER / f"cgc_{name}"


def _task(group: str, task: str, prompt: str) -> str:
    name, _, _ = GROUPS[group]
    bench = benchmark(name)
    metrics = "\n".join(
        METRIC.format(name=metric, better=str(metric not in LOWER_IS_BETTER).lower())
        for metric in (*bench.metrics, *bench.diagnostics)
    )
    tokens = THINK_NEW_TOKENS if prompt == "think" else _tokens(name, task)
    return TASK.format(name=f"{group}_{task}", tokens=tokens, metrics=metrics)


def _tokens(name: str, task: str) -> int:
    tokens = {"mig": MIG_TOKENS, "contrast": CONTRAST_TOKENS, "transfer": TRANSFER_TOKENS}
    return tokens.get(name) or VLM2_TOKENS[task.partition("_")[0]]


def _group(group: str, bench: object) -> str:
    tasks = "\n".join(f"  - {group}_{task}" for task in bench.tasks)  # type: ignore[attr-defined]
    metrics = "\n".join(MEAN.format(name=metric) for metric in bench.metrics)  # type: ignore[attr-defined]
    return GROUP.format(name=group, tasks=tasks, metrics=metrics)


if __name__ == "__main__":
    main()
