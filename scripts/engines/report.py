"""Writes docs/engines.json, docs/engines.md, and the line about engines in the header of every recipe."""

import json
import re
from collections.abc import Mapping
from pathlib import Path

from cgc_train.recipe import Recipe, load_recipe, recipe_names, recipe_path
from scripts.engines.records import Comparison, Record, Result, record_of
from scripts.engines.workplace import ROOT
from scripts.markdown import table

FACTS, PAGE = ROOT / "docs" / "engines.json", ROOT / "docs" / "engines.md"
HEADER = re.compile(r"^# Engines: .*\n", re.MULTILINE)
# Messages that processes print before they fail.
CHATTER = re.compile(r"^\(.*pid=\d+\)|^Generating \w+ split|Warning: |^\s+warnings\.warn\(|INFO worker\.py")
INTRODUCTION = """# Engines that were run

`make engines` runs each training and inference engine on a CPU. It writes this page, `docs/engines.json`, and the line
about engines in the header of every recipe. It uses a tiny Qwen3-VL and a small release. It is not part of `make test`.
`make engines ENGINES="ddp zero3"` runs only these engines and keeps the results of the others.
`python scripts/engines/run.py --list` lists all engines.
The environments of the engines are in `.engines/`. The DeepSpeed engines share one environment, the engines with vLLM
share another, and every other engine has a separate one. All environments use the torch that `make install` installs.
To delete all environments, remove `.engines/`.

DDP, FSDP2, DeepSpeed, and bitsandbytes run with the recipes. Each recipe keeps its own settings, with these exceptions:
the model is tiny and in float32, photos, adapters, and batches are small, each prompt has few completions, completions
are short, runs have few steps, GRPO uses another learning rate without warm-up steps, and vLLM is off. GRPO samples
completions as usual but learns from fixed ones, because sampled completions depend on the number of processes. Each run
is compared with a baseline: a run with one process, without the engine. For bitsandbytes, the baseline uses
bitsandbytes too.

vLLM runs with the recipe `tiny-cpu`, and GRPO learns from the completions that vLLM samples. The answers of vLLM are
compared with those of transformers.

Third-party trainers get the exported release and a warmed-up model. This model has the vocabulary size and the special
token IDs of a real Qwen3-VL, because the trainers look up special tokens by ID.

Runs on a CPU do not test speed, GPU memory, or GPU kernels. Mixed precision is turned off to keep the numbers
comparable, except in one stage with vLLM. For all of these, see [measured on a GPU](gpu.md).

A stage passes if it made at least one comparison and every comparison agrees. A skipped comparison counts as failed.
"""


def read(file: Path = FACTS) -> dict[str, Record]:
    """Records by engine; empty if the file is missing."""
    if not file.is_file():
        return {}
    records = [record_of(values) for values in json.loads(file.read_text(encoding="utf-8"))]
    return {record.engine: record for record in records}


def write(records: Mapping[str, Record]) -> None:
    """Write the file of records, the page, and the headers of the recipes."""
    ordered = {name: records[name] for name in sorted(records)}
    values = [record.values() for record in ordered.values()]
    FACTS.write_text(json.dumps(values, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    PAGE.write_text(page(ordered), encoding="utf-8")
    for name in recipe_names():
        path = recipe_path(name)
        head = header(load_recipe(name), ordered)
        path.write_text(with_header(path.read_text(encoding="utf-8"), head), encoding="utf-8")


def with_header(text: str, head: str) -> str:
    """Replace the line about engines in the header of a recipe's text."""
    return HEADER.sub(lambda _: head, text)


def header(recipe: Recipe, records: Mapping[str, Record]) -> str:
    """The line in a recipe's header that lists the engines and versions with which the recipe passed or failed."""
    parts = [_outcome(name, records.get(name)) for name in engines_of(recipe)]
    return f"# Engines: run on a CPU with a tiny model: {'; '.join(parts)}. See docs/engines.md\n"


def engines_of(recipe: Recipe) -> list[str]:
    """Names of the engines on which a recipe is tested."""
    found = ["ddp" if recipe.sharing == "cpu" else recipe.sharing]
    if recipe.grpo.get("use_vllm"):
        found.append(f"vllm-{recipe.grpo.get('vllm_mode', 'colocate')}")
    return found + ["nf4"] * (recipe.model.quantize is not None)


def _outcome(name: str, record: Record | None) -> str:
    if record is None:
        return f"{name} not yet"
    versions = ", ".join(f"{package} {number}" for package, number in record.versions.items())
    return f"{name} ({versions})" if record.passed else f"{name}, some stages did not pass ({versions})"


def page(records: Mapping[str, Record]) -> str:
    """The page of all records."""
    head = ("engine", "versions", "date", "stages passed")
    rows = [[f"[{r.title}](#{anchor(r.title)})", _versions(r), f"`{r.date}`", _share(r)] for r in records.values()]
    return "\n".join([INTRODUCTION, table(head, rows), *(_section(record) for record in records.values())])


def anchor(title: str) -> str:
    """The link target of a heading."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def _versions(record: Record) -> str:
    return ", ".join(f"{package} `{number}`" for package, number in record.versions.items())


def _share(record: Record) -> str:
    passed = sum(result.passed for result in record.results)
    return f"`{passed}` of `{len(record.results)}`"


def _section(record: Record) -> str:
    return "\n".join([f"## {record.title}\n", *(_stage(result) for result in record.results)])


def _stage(result: Result) -> str:
    lines = [f"### {result.stage}\n", f"{'Passed' if result.passed else 'Did not pass'}, `{result.seconds:.0f}` s.\n"]
    if result.comparisons:
        lines.append(table(("compared", "measured", "bound", "result"), [_row(entry) for entry in result.comparisons]))
    if result.error:
        lines += ["```text", f"$ {result.command}", without_chatter(result.error), "```\n"]
    return "\n".join([*lines, *([f"{result.cause}\n"] if result.cause and not result.passed else [])])


def without_chatter(error: str) -> str:
    """The output of a command that failed, without progress bars and warnings."""
    return "\n".join(line.rstrip() for line in error.strip().splitlines() if not CHATTER.search(line))


def _row(entry: Comparison) -> list[str]:
    outcome = "agrees" if entry.passed else "does not agree"
    return [
        entry.what,
        _number(entry.figure),
        _number(entry.bound),
        outcome + f" ({entry.detail})" * bool(entry.detail),
    ]


def _number(value: float | None) -> str:
    return "" if value is None else f"`{value:.3g}`" if isinstance(value, float) else f"`{value}`"
