"""The stages of all engines that distribute training over processes. Each stage is compared with a run in a single
process.

Mixed precision is off, so that numbers can be compared. GRPO samples as usual, but learns from replayed completions;
see `scripts.engines.replay`.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from shutil import copytree, rmtree
from socket import socket

from cgc_train.check.stand_in import launch_words
from cgc_train.publish import merge
from cgc_train.run import Run, open_run
from scripts.engines.records import Comparison, Stage, at_least, at_most, equal, same
from scripts.engines.weights import answers, count_loaded, difference, farthest, losses, tensors
from scripts.engines.workplace import Workplace

BATCH, STEPS = 8, 4
CPU = (
    "data.max_pixels=9216", "model.dtype=float32", "data.held_out_rows=4", f"data.held_out_every={STEPS // 2}",
    "grpo.max_completion_length=48", "gpu_memory_gb=null",
)  # fmt: skip
WARM_UP = (f"sft.max_steps={STEPS}", "sft.logging_steps=1", "sft.ddp_backend=gloo")
GRPO = (
    f"grpo.max_steps={STEPS}", f"grpo.save_steps={STEPS // 2}", "grpo.use_vllm=false",
    "grpo.gradient_accumulation_steps=2", "grpo.steps_per_generation=2", "grpo.num_generations=4",
    "grpo.learning_rate=3e-4", "grpo.warmup_steps=0", "grpo.ddp_backend=gloo", "effective_batch=null",
)  # fmt: skip
ADAPTERS = ("model.lora.rank=4", "model.lora.alpha=8")
# Distributed sums are added in another order; a resumed run repeats the original exactly.
OF_LOSSES, OF_WEIGHTS, OF_RESUMED, LEARNED = 1e-3, 1e-3, 1e-6, 1e-5


@dataclass(frozen=True)
class Sharing:
    """An accelerate launch file, and the number of processes to start.

    Attributes:
        file: name of the launch file; `cpu` is data parallelism without a GPU.
        processes: number of processes that share a batch.
        flags: flags of `scripts.engines.worker`.
        over: flags of `accelerate launch` that override the launch file.
    """

    file: str
    processes: int
    flags: tuple[str, ...] = ()
    over: tuple[str, ...] = ()

    @property
    def count(self) -> str:
        """A phrase such as "2 processes"."""
        return "one process" if self.processes == 1 else f"{self.processes} processes"

    def launch(self) -> list[str]:
        """The part of the command line between the Python interpreter and the arguments of `cgc-train`."""
        return [*launch_words(self.file, self.processes), *self.over, "-m", "scripts.engines.worker", *self.flags]


ALONE = Sharing("cpu", 1)


@dataclass(frozen=True)
class Plan:
    """A run that is made twice: once with one process, and once with several.

    The fields are the folder name, the command, the recipe, the model to start from, and settings that override the
    recipe.
    """

    name: str
    command: str
    recipe: str
    start: Path
    settings: tuple[str, ...]


def warm_ups(sharing: Sharing) -> tuple[Stage, ...]:
    """Two warm-up stages: one trains all weights, and the other trains only adapters."""
    kinds = (("all weights", "sft", ()), ("adapters", "sft-adapters", ADAPTERS))
    return tuple(
        Stage(f"Warm-up, {told}, {sharing.count}", partial(warm_up, sharing=sharing, name=name, over=over))
        for told, name, over in kinds
    )


def by_reward(sharing: Sharing, recipes: Sequence[str]) -> tuple[Stage, ...]:
    """One stage of GRPO per recipe."""
    return tuple(
        Stage(f"GRPO with {recipe}, {sharing.count}", partial(grpo, sharing=sharing, recipe=recipe))
        for recipe in recipes
    )


def warm_up(place: Workplace, *, sharing: Sharing, name: str, over: tuple[str, ...]) -> list[Comparison]:
    """Run a few steps of supervised training, once distributed and once in one process, and compare the two runs."""
    plan = Plan(name, "sft", "tiny-cpu", place.material.tiny, (*WARM_UP, *over))
    return _like_alone(train(place, sharing, plan), alone(place, ALONE, plan), plan)


def grpo(place: Workplace, *, sharing: Sharing, recipe: str) -> list[Comparison]:
    """Run a few steps of GRPO, and then resume a copy of the run from its first checkpoint.

    The model answers held-out rows before, during, and after training.
    """
    over = (*GRPO, *(ADAPTERS if "lora" in recipe else ()))
    plan = Plan(f"grpo-{recipe}", "grpo", recipe, place.material.warm, over)
    sharing, one = (replace(way, flags=(*way.flags, "--replay")) for way in (sharing, ALONE))
    shared, plain = train(place, sharing, plan), alone(place, one, plan)
    resumed = resume(place, sharing, shared)
    return [
        *_like_alone(shared, plain, plan),
        equal(
            "number of held-out evaluations (before training, halfway, and at the end)",
            shared.held_out_steps(),
            [0, STEPS // 2, STEPS],
        ),
        equal(
            "held-out answers before training, compared with a run with one process", answers(shared), answers(plain)
        ),
        equal("steps logged by the resumed run, compared with the original run", _logged(resumed), _logged(shared)),
        at_most(
            "difference in weights between the resumed and the original run",
            difference(resumed.model_folder, shared.model_folder),
            OF_RESUMED,
        ),
    ]


def machines(place: Workplace, *, file: str, recipe: str) -> list[Comparison]:
    """Run GRPO on two simulated machines that share a disk. Each machine is one local process."""
    plan = Plan(f"grpo-{recipe}", "grpo", recipe, place.material.warm, GRPO)
    with socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    first = ("--num_machines", "2", "--main_process_ip", "127.0.0.1", "--main_process_port", port)
    ranks = [Sharing(file, 2, ("--replay",), (*first, "--machine_rank", rank)) for rank in ("0", "1")]
    folder = place.folder / "machines"
    with ThreadPoolExecutor(2) as pool:
        shared, _ = pool.map(lambda rank: train(place, rank, plan, folder), ranks)
    return _like_alone(shared, alone(place, replace(ALONE, flags=("--replay",)), plan), plan)


def train(place: Workplace, sharing: Sharing, plan: Plan, folder: Path | None = None) -> Run:
    """Make a new run. The total batch size is the same for any number of processes."""
    folder = folder or place.folder / f"{plan.name}-{sharing.processes}"
    size = f"{plan.command}.per_device_train_batch_size={BATCH // sharing.processes}"
    given = (f"data.release={place.material.release}", f"model.name={plan.start}", f"accelerate={sharing.file}", size)
    _launch(place, sharing, plan.command, plan.recipe, *CPU, *given, *plan.settings, "--to", str(folder))
    return open_run(folder)


def alone(place: Workplace, sharing: Sharing, plan: Plan) -> Run:
    """The single-process run that other runs are compared with. It is made once and shared by all engines."""
    folder = place.folder.parent / "alone" / plan.name
    finished = folder.is_dir() and open_run(folder).finished
    return open_run(folder) if finished else train(place, sharing, plan, folder)


def resume(place: Workplace, sharing: Sharing, run: Run) -> Run:
    """Copy a run, and resume the copy as if the run had been killed after its first checkpoint."""
    copy = copytree(run.folder, run.folder.with_name(f"{run.folder.name}-resumed"))
    for later in ("model", f"checkpoint-{STEPS}"):
        rmtree(copy / later)
    _launch(place, sharing, "resume", str(copy))
    return open_run(copy)


def _launch(place: Workplace, sharing: Sharing, *arguments: str) -> None:
    compiled = str(place.python.parents[1] / "compiled")  # by DeepSpeed, for this environment
    variables = {"DS_ACCELERATOR": "cpu", "ACCELERATE_TORCH_DEVICE": "cpu"}
    variables |= {"TORCH_EXTENSIONS_DIR": compiled, "MAX_JOBS": "1"}
    place.run(*sharing.launch(), *arguments, variables=variables)


def _like_alone(shared: Run, plain: Run, plan: Plan) -> list[Comparison]:
    whole = _whole(shared)
    told = f"losses {', '.join(f'{loss:.4f}' for loss in losses(shared))}"
    return [
        at_most(
            "difference from the losses of a run with one process",
            farthest(losses(shared), losses(plain)),
            OF_LOSSES,
            told,
        ),
        at_most(
            "difference from the weights of a run with one process",
            difference(shared.model_folder, plain.model_folder),
            OF_WEIGHTS,
        ),
        at_least("weight change during training", difference(whole, plan.start), LEARNED),
        same(
            "weights that stock transformers loads",
            count_loaded(whole),
            len(tensors(plan.start)),
            "as many as before training",
        ),
    ]


def _whole(run: Run) -> Path:
    """A folder with all weights that a run produced. Adapters are merged."""
    if not (run.model_folder / "adapter_config.json").is_file():
        return run.model_folder
    return merge(run, run.folder / "merged", dtype="float32")


def _logged(run: Run) -> list[tuple[int, str]]:
    return [(line["step"], line.get("kind", "")) for line in run.metrics()]
