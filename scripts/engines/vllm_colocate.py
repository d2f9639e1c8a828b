"""Tests GRPO with vLLM in the training process.

Compares vLLM with transformers. For each comparison, both use the weights of the same training step.
"""

from pathlib import Path
from statistics import fmean

import torch

from cgc_train.data import held_out_set
from cgc_train.generate import generate
from cgc_train.publish import merge
from cgc_train.run import Run, open_run
from scripts.engines import vllm_cpu
from scripts.engines.records import Comparison, Stage, at_least, at_most, equal, same
from scripts.engines.rollouts import NEAR_TIE, Judge, Rollout, Scored, others, read
from scripts.engines.shared import ADAPTERS
from scripts.engines.weights import answers, count_loaded, difference, tensors
from scripts.engines.workplace import HOME, Workplace

STEPS, HALF, TOKENS = 4, 2, 200
SETTINGS = (
    "data.held_out_rows=8", f"data.held_out_every={HALF}", f"grpo.max_steps={STEPS}", f"grpo.save_steps={HALF}",
    f"grpo.max_completion_length={TOKENS}", "grpo.use_vllm=true", "grpo.vllm_mode=colocate",
    "grpo.vllm_gpu_memory_utilization=0.3", "grpo.vllm_max_model_length=2048",
)  # fmt: skip
TEMPERATURE = 0.7  # the same value as in the recipe
# Difference of log-probabilities per token: two implementations differ by less, and swapped images cause more.
ALIKE = TOLD_APART = 1e-3
# In bfloat16, two implementations round in different places.
ROUNDED, OF_LOGITS = 0.05, 0.5


def all_weights(place: Workplace) -> list[Comparison]:
    """Train all weights with GRPO in float32. Then train again, but kill the run after its first checkpoint and resume
    it.
    """
    run, rollouts = _train(place, "all", "model.dtype=float32")
    resumed = _killed_and_resumed(place, "all-killed", "model.dtype=float32")
    judges = {
        0: Judge(place.material.warm, temperature=TEMPERATURE),
        HALF: Judge(run.folder / f"checkpoint-{HALF}", temperature=TEMPERATURE),
        STEPS: Judge(run.model_folder, temperature=TEMPERATURE),
    }
    held_out = {step: [r for r in rollouts if r.held_out and r.step == step] for step in judges}
    sampled = [(judges[r.step], r) for r in rollouts if not r.held_out and r.step in judges]
    return [
        *_ran(run, *resumed),
        same(
            "weights that stock transformers loads", count_loaded(run.model_folder), len(tensors(place.material.warm))
        ),
        *(greedy(judges[step], rows, f"weights of step {step}") for step, rows in held_out.items()),
        _answers(run, judges[STEPS], held_out[STEPS]),
        *chances(sampled),
        _images(sampled),
    ]


def adapters(place: Workplace) -> list[Comparison]:
    """Run GRPO with adapters on a base model in bfloat16.

    Check the weights sent to vLLM, and vLLM's answers with these weights.
    """
    settings = ("model.dtype=bfloat16", *ADAPTERS)
    run, rollouts = _train(place, "adapters", *settings)
    resumed = _killed_and_resumed(place, "adapters-killed", *settings)
    merged = merge(run, run.folder / "merged", dtype="bfloat16")
    judge = Judge(merged, temperature=TEMPERATURE)
    last = [r for r in rollouts if r.held_out and r.step == STEPS]
    gap = max(float(judge.score(r).gap.max()) for r in last)
    apart = difference(_notes(run.folder), merged)
    return [
        *_ran(run, *resumed),
        at_most(
            "difference between the last weights sent to vLLM and the weights that `cgc-train merge` writes", apart, 0
        ),
        at_least("weight change during training", difference(merged, place.material.warm), 1e-5),
        at_most(
            "difference in logits between the most likely and the sampled token",
            gap,
            OF_LOGITS,
            "bfloat16 against float32",
        ),
        at_most(
            "mean difference between vLLM and transformers in log-probability per sampled token",
            logged_difference(run),
            ROUNDED,
            "both in bfloat16",
        ),
    ]


def _train(place: Workplace, name: str, *settings: str) -> tuple[Run, list[Rollout]]:
    folder = place.folder / name
    vllm_cpu.train(place, _notes(folder), *_command(place, folder, settings))
    return open_run(folder), read(_notes(folder) / "rollouts.jsonl")


def _command(place: Workplace, folder: Path, settings: tuple[str, ...]) -> list[str]:
    given = (f"data.release={place.material.release}", f"model.name={place.material.warm}", *SETTINGS, *settings)
    return ["grpo", "tiny-cpu", *given, "--to", str(folder)]


def _notes(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}-notes")


def _killed_and_resumed(place: Workplace, name: str, *settings: str) -> tuple[Run, int]:
    """Start a run, kill it, and resume it. Returns the run and the last step that was logged before the kill."""
    folder = place.folder / name
    checkpoint = folder / f"checkpoint-{HALF}"
    vllm_cpu.killed(place, _notes(folder), checkpoint, *_command(place, folder, settings))
    last = max(line["step"] for line in open_run(folder).metrics())
    vllm_cpu.train(place, _notes(folder), "resume", str(folder))
    return open_run(folder), last


def _ran(run: Run, resumed: Run, last: int) -> list[Comparison]:
    logged = [[(line["step"], line.get("kind", "")) for line in made.metrics()] for made in (resumed, run)]
    return [
        equal(
            "number of held-out evaluations (before training, halfway, and at the end)",
            run.held_out_steps(),
            [0, HALF, STEPS],
        ),
        at_most("last step that a second run reached before it was killed (`kill -9`)", last, STEPS - 1),
        equal("steps logged by the killed and resumed run, compared with the original run", *logged),
        at_most(
            "difference in weights between the resumed and the original run",
            difference(resumed.model_folder, run.model_folder),
            1e-6,
        ),
    ]


def greedy(judge: Judge, rows: list[Rollout], which: str) -> Comparison:
    """In held-out answers, count the tokens that transformers does not consider the most likely.

    Near-ties are excluded.
    """
    gaps = torch.cat([judge.score(row).gap for row in rows])
    ties = int(((gaps > 0) & (gaps < NEAR_TIE)).sum())
    told = f"{len(gaps)} tokens in {len(rows)} answers, including {ties} near-ties"
    return same(
        f"tokens that differ from transformers' most likely token, in held-out answers ({which})",
        int((gaps >= NEAR_TIE).sum()),
        0,
        told,
    )


def _answers(run: Run, judge: Judge, rows: list[Rollout]) -> Comparison:
    """Count the answers that differ from those of transformers. Answers with a near-tie are ignored. In a near-tie,
    another token is only slightly more likely than the token in the answer.
    """
    asked = held_out_set(run.recipe, HOME / "cache" / "images")
    limits = {"max_new_tokens": TOKENS, "batch_size": 8}
    written = generate(judge.model, judge.processor, asked["prompt"], asked["images"], **limits)  # type: ignore[arg-type]
    said = answers(run, STEPS)
    tied = {
        judge.processor.tokenizer.decode(row.completion, skip_special_tokens=True) for row in rows if _tied(judge, row)
    }
    other = [key for key, (text,) in zip(asked["id"], written, strict=True) if text != said[key]]
    left = sum(said[key] not in tied for key in other)
    told = f"{len(said) - len(other)} of {len(said)} identical, {len(other) - left} diverge at a near-tie"
    return same("held-out answers that differ from those of transformers", left, 0, told)


def _tied(judge: Judge, row: Rollout) -> bool:
    gaps = judge.score(row).gap
    return bool(((gaps > 0) & (gaps < NEAR_TIE)).any())


def chances(sampled: list[tuple[Judge, Rollout]]) -> list[Comparison]:
    """Compare the log-probabilities of sampled tokens in vLLM with those in transformers.

    Both exclude visual tokens.
    """
    scored = [(judge.score(rollout), torch.tensor(rollout.chances)) for judge, rollout in sampled]
    alike = torch.cat([(score.chance - given).abs() for score, given in scored])
    unlike = torch.cat([(score.chance + torch.log1p(-score.visual) - given).abs() for score, given in scored])
    weight = torch.cat([-torch.log1p(-score.visual) for score, _ in scored])
    included = f"the mean is {unlike.mean():.1e} if visual tokens (total probability {weight.mean():.1e}) are included"
    told = f"at most {alike.max():.1e}; {included}"
    return [
        at_most(
            "mean difference between vLLM and transformers in log-probability per sampled token",
            float(alike.mean()),
            ALIKE,
            told,
        )
    ]


def _images(sampled: list[tuple[Judge, Rollout]]) -> Comparison:
    """Swap the images that transformers receives, but not those that vLLM receives. Compare the log-probabilities.

    They must differ. Otherwise, the images do not affect the answers.
    """
    rows = [(judge.score(r, others(r)), torch.tensor(r.chances)) for judge, r in sampled if len(r.images) > 1]
    return at_least(
        "the same mean difference if only transformers receives swapped images",
        _mean_off(rows),
        TOLD_APART,
        "the images affect the answers",
    )


def _mean_off(rows: list[tuple[Scored, torch.Tensor]]) -> float:
    return float(torch.cat([(score.chance - given).abs() for score, given in rows]).mean())


def logged_difference(run: Run) -> float:
    """The mean difference of log-probabilities that the run itself logged. Visual tokens are included."""
    name = "sampling/sampling_logp_difference/mean"
    return fmean(line[name] for line in run.metrics() if name in line and line["kind"] == "train")  # type: ignore[literal-required, misc]


ENGINE = vllm_cpu.engine(
    "vllm-colocate",
    "vLLM colocated with training",
    Stage("GRPO on all weights in float32, and a resumed run", all_weights),
    Stage("GRPO on adapters in bfloat16, and a resumed run", adapters),
)
