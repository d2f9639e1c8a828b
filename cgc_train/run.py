"""Reads and writes the folder of a training run.

A run folder contains `recipe.yaml`, `environment.json`, `metrics.jsonl`, `completions/`, `held_out/`, `held_out.json`,
`checkpoint-N/`, and `model/`.
"""

import json
import os
import platform
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal, TypeAlias, TypedDict, cast

import msgspec
from huggingface_hub import constants

from cgc_data.common.disk import disk_full
from cgc_data.release.inside import check_links, file_name
from cgc_data.release.paths import without_paths
from cgc_train.engines import TESTED
from cgc_train.errors import RunError
from cgc_train.protocols import Completion
from cgc_train.recipe import Recipe, load_recipe, save_recipe

PACKAGES = ("cgc-grounding", "torch", "transformers", "trl", "accelerate", "peft", "datasets", *TESTED)
Kind: TypeAlias = Literal["grpo", "sft"]
# Settings that can change when a run is resumed: data location, length, and everything that runs alongside training.
MAY_DIFFER = (
    *("data.release", "data.photos", "grpo.max_steps", "grpo.num_train_epochs", "gpu_memory_gb"),
    *("benchmark.command", "benchmark.every", "benchmark.minutes", "hub.repo", "hub.private"),
)


class MetricsLine(TypedDict, total=False):
    """A line in metrics.jsonl. In addition to these keys, each line has one key per metric, with the metric's value."""

    step: int
    epoch: float
    kind: Literal["train", "eval", "held_out", "benchmark"]


class CompletionRow(TypedDict, total=False):
    """A row in TRL's completions file. In addition to these keys, each row has one key per reward function, with the
    function's value.
    """

    id: str
    completion: Completion
    advantage: float


class HeldOutRow(TypedDict):
    """A held-out answer."""

    id: str
    response: str


class Environment(TypedDict, total=False):
    """The versions, hardware, and command of a run."""

    kind: Kind
    command: list[str]
    python: str
    system: str
    versions: dict[str, str]
    gpus: list[str]
    processes: int


@dataclass(frozen=True)
class Run:
    """A run on disk. Use `create_run` or `open_run` to get a `Run`."""

    folder: Path
    recipe: Recipe

    @property
    def model_folder(self) -> Path:
        """The folder that contains the final weights and the processor."""
        return self.folder / "model"

    @property
    def finished(self) -> bool:
        """Whether training has finished."""
        return any(self.model_folder.glob("*.safetensors"))

    @property
    def kind(self) -> Kind:
        """The kind of run: GRPO or warm-up."""
        return "sft" if self.environment().get("kind") == "sft" else "grpo"

    def checkpoints(self) -> list[Path]:
        """Complete checkpoints, by step."""
        steps = {path: path.name.rpartition("-")[2] for path in self.folder.glob("checkpoint-*") if is_whole(path)}
        return sorted((path for path in steps if steps[path].isdecimal()), key=lambda path: int(steps[path]))

    def metrics(self) -> list[MetricsLine]:
        """Read the lines of metrics.jsonl.

        Values that are not numbers are skipped, except for `kind`. A truncated last line, which a killed run can leave,
        is skipped too.
        """
        lines = [_numbers(line) for line in read_lines(self.folder / "metrics.jsonl")]
        return [cast(MetricsLine, line) for line in lines if _is_step(line.get("step"))]

    def rewind(self, checkpoint: Path) -> None:
        """Delete the metrics that were logged after a checkpoint.

        A run that resumes from the checkpoint repeats these steps, and logs their metrics again.
        """
        step = json.loads((checkpoint / "trainer_state.json").read_text(encoding="utf-8"))["global_step"]
        lines = [line for line in read_lines(self.folder / "metrics.jsonl") if _is_step(line.get("step"))]
        kept = [json.dumps(line) + "\n" for line in lines if cast(int, line["step"]) <= step]
        rewritten = self.folder / "metrics.jsonl.partial"
        rewritten.write_text("".join(kept), encoding="utf-8")
        rewritten.replace(self.folder / "metrics.jsonl")

    def environment(self) -> Environment:
        """Read the versions and hardware that were recorded at the start of the run. Returns an empty dictionary if the
        file is missing or not readable.
        """
        try:
            content = json.loads((self.folder / "environment.json").read_text(encoding="utf-8"))
            return msgspec.convert(content, Environment)
        except (OSError, ValueError, RecursionError):
            return {}

    def completion_steps(self) -> list[int]:
        """Steps with saved completions."""
        return sorted(int(path.stem.rpartition("_")[2]) for path in self.folder.glob("completions/*.parquet"))

    def completions(self, step: int) -> list[CompletionRow]:
        """Read TRL's table of completions for a step. Raises RunError if the table cannot be read."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        path = self.folder / "completions" / f"completions_{step:05d}.parquet"
        try:
            rows: list[CompletionRow] = pq.read_table(path).to_pylist()
        except (OSError, pa.ArrowException) as error:
            raise RunError(f"{path}: not readable ({error}); choose another step") from None
        if any(not isinstance(row.get("completion"), str | list) for row in rows):
            raise RunError(f"{path}: contains no completions; choose another step")
        return rows

    def held_out_steps(self) -> list[int]:
        """Steps with saved answers to held-out rows."""
        return sorted(int(path.stem.rpartition("-")[2]) for path in self.folder.glob("held_out/step-*.jsonl"))

    def held_out(self, step: int) -> list[HeldOutRow]:
        """Read the answers to held-out rows at a step. Each answer has the keys `id` and `response`."""
        lines = read_lines(held_out_path(self.folder, step))
        return [cast(HeldOutRow, line) for line in lines if _is_text(line.get("id")) and _is_text(line.get("response"))]


def is_whole(checkpoint: Path) -> bool:
    """Whether a checkpoint is complete.

    The function reads the state file of the checkpoint, because this file is written last. If the disk was full, the
    file can be truncated.
    """
    try:
        state = json.loads((checkpoint / "trainer_state.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(state, dict) and isinstance(state.get("global_step"), int)


@contextmanager
def written_to_disk(folder: Path, fix: str) -> Iterator[None]:
    """Raise RunError if the code in the `with` block fails because the disk is full or the run folder was removed.
    `fix` states what to do after freeing space.
    """
    try:
        yield
    except Exception as error:
        if disk_full(error):
            raise RunError(f"{folder}: the disk is full; free some space and {fix}") from None
        if isinstance(error, OSError) and not folder.exists():
            raise RunError(f"{folder}: was removed while the command ran; start again") from None
        raise


def create_run(folder: Path, recipe: Recipe, kind: Kind = "grpo") -> Run:
    """Create a run in a new or empty folder. Raises RunError if the folder is not empty."""
    check_free(folder)
    folder.mkdir(parents=True, exist_ok=True)
    save_recipe(recipe, folder / "recipe.yaml")
    described = json.dumps({"kind": kind, **environment()}, indent=2)
    (folder / "environment.json").write_text(described + "\n", encoding="utf-8")
    return Run(folder, recipe)


def default_folder(recipe: Recipe) -> Path:
    """The default folder for a run: `runs/NAME`, where NAME is the recipe's name."""
    return Path("runs") / file_name(recipe.name)


def check_free(folder: Path) -> None:
    """Raise RunError if a folder is not empty."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        resume = f"resume an unfinished GRPO run with `cgc-train resume {folder}`, or "
        resumable = resume if (folder / "recipe.yaml").is_file() else ""
        raise RunError(f"{folder}: is not empty; {resumable}choose another folder with --to")


def open_run(folder: Path | str) -> Run:
    """Open the run in a folder.

    Raises RunError if the folder contains no run, and ReleaseError if a link points outside the folder.
    """
    folder = Path(folder)
    if not (folder / "recipe.yaml").is_file():
        raise RunError(f"{folder}: not a run folder (no recipe.yaml); give the folder that was passed to --to")
    check_links(folder)
    return Run(folder, load_recipe(str(folder / "recipe.yaml")))


def check_same(run: Run, recipe: Recipe) -> None:
    """Raise RunError if the settings of `recipe` differ from those of the run. In this case, the run cannot be resumed
    with `recipe`. Settings in `MAY_DIFFER` are ignored.
    """
    before, now = (_flat(r.model_dump(mode="json")) for r in (run.recipe, recipe))
    changed = [key for key in {**before, **now} if before.get(key) != now.get(key) and key not in MAY_DIFFER]
    if changed:
        raise RunError(
            f"{run.folder}: its checkpoints belong to a recipe that differs in {', '.join(sorted(changed)[:5])}; "
            "start a new run with --to"
        )


def environment() -> Environment:
    """Collect versions, hardware, and the command without its paths."""
    return {
        "command": without_paths(["cgc-train", *sys.argv[1:]]),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "versions": {package: found for package in PACKAGES if (found := _version(package))},
        "gpus": _gpus(),
        "processes": int(os.environ.get("WORLD_SIZE", "1")),
    }


def image_folder() -> Path:
    """The folder of resized images, which all runs share: `$CGC_CACHE/images`, or a folder in the user's cache."""
    return Path(os.environ.get("CGC_CACHE") or Path.home() / ".cache" / "cgc-grounding") / "images"


def without_usage_ping() -> None:
    """Disable TRL's telemetry, in this process and in its child processes.

    The function sets an environment variable. The Hub client reads this variable only on import, so the function also
    changes the constant that the client set on import.
    """
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    constants.HF_HUB_DISABLE_TELEMETRY = True


def held_out_path(folder: Path, step: int) -> Path:
    """The path of the file that contains the answers to held-out rows at a step."""
    return folder / "held_out" / f"step-{step:06d}.jsonl"


def read_lines(path: Path) -> Iterator[Mapping[str, object]]:
    """Read the JSON objects in a file with one object per line. Truncated lines are skipped. A missing file counts as
    empty.
    """
    if not path.is_file():
        return
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict):
            yield value


def _numbers(line: Mapping[str, object]) -> dict[str, object]:
    """Keep only the valid values of a metrics line: the kind of the line, and numbers."""
    kept: dict[str, object] = {key: value for key, value in line.items() if isinstance(value, int | float)}
    return {**kept, "kind": line["kind"]} if _is_text(line.get("kind")) else kept


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_step(value: object) -> bool:
    return isinstance(value, int) and 0 <= value < 2**63


def _flat(values: Mapping[str, object], prefix: str = "") -> dict[str, object]:
    flat: dict[str, object] = {}
    for key, value in values.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, dict) and value else {f"{prefix}{key}": value}
    return flat


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _gpus() -> list[str]:
    import torch

    return [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
