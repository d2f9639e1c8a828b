"""Checks that the data is readable and consistent, that ground-truth answers earn the full reward, and that prompts are
short enough.
"""

import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from cgc_data.metrics import truth_of
from cgc_data.release.rows import Row
from cgc_train.check.context import Context, Finding, failed, ok, warning
from cgc_train.check.tokens import counter
from cgc_train.data import Bounds
from cgc_train.data.measured import measurements
from cgc_train.groups import teaches
from cgc_train.reward import gold_check, score
from cgc_train.traces import completion

NAMED = 3  # rows listed per message
TIMED = 200  # number of rows whose answers are scored to time the reward
SCORED = 200.0  # minimum scored completions per second: one second for what a GPU samples in minutes


def check_data(context: Context) -> Finding:
    """Check that the release is readable, that the filters keep enough rows, and that each row is consistent."""
    data = context.recipe.data
    kinds = Counter(f"{row['contrast']} {row['task']}" for row in context.rows())
    parts = ", ".join(f"{count:,} {kind}" for kind, count in sorted(kinds.items()))
    rows, round_of = sum(kinds.values()), context.batch.sampled // context.batch.generations
    message = f"{data.release}: {rows:,} rows to train on ({parts}), {len(context.held_out)} held out"
    if rows < round_of:
        fix = "relax the filters of `data`, build a larger release, or lower grpo.steps_per_generation"
        return failed(f"{message}; one sampling round takes {round_of} rows", fix, rows, round_of)
    return ok(message, rows, round_of)


def check_groups(context: Context) -> Finding:
    """Check that GRPO can learn from most groups. The check uses the rewards that `cgc-train difficulty` measured."""
    data, settings = context.recipe.data, context.recipe.groups
    found = measurements(Path(data.keep)) if data.keep else {}
    groups = [found[identity].rewards for identity in context.ids if identity in found]
    if not groups:
        return ok(
            "no measurements of group rewards (see `cgc-train difficulty`); the run prints a warning if GRPO "
            "learns nothing from most groups"
        )
    idle = sum(not teaches(rewards, settings) for rewards in groups) / len(groups)
    message = f"{idle:.0%} of {len(groups):,} measured groups are useless according to the settings in `groups`"
    if idle >= context.recipe.warnings.idle_groups:
        fix = "relax groups.min_spread, min_mean, or max_mean, or measure again after a better warm-up"
        return warning(message, fix, idle, context.recipe.warnings.idle_groups)
    return ok(message, idle, context.recipe.warnings.idle_groups)


def check_gold(context: Context) -> Finding:
    """Check that the ground-truth answer of every row earns the full reward."""
    wrong = gold_check(context.all_rows(), context.recipe.reward, context.recipe.prompt)
    if wrong:
        fix = "build or download the release again, or use data.keep to exclude these rows"
        message = f"{len(wrong)} rows whose ground-truth answer does not earn the full reward: {_named(wrong)}"
        return failed(message, fix, len(wrong), 0)
    return ok("the ground-truth answer of every row earns the full reward", 0, 0)


def check_prompts(context: Context) -> Finding:
    """Check that every prompt leaves room for a completion in the context length of the model and of vLLM. The length
    of a prompt includes its image tokens.
    """
    config = context.config
    limits = {"the model's context": context.shape.context}
    if config.use_vllm and config.vllm_max_model_length:
        limits["grpo.vllm_max_model_length"] = config.vllm_max_model_length
    name, limit = min(limits.items(), key=lambda entry: entry[1])
    tokens, bound = context.prompts[0][0], limit - config.max_completion_length
    counted = "" if context.processor else " (text: upper estimate)"
    message = f"longest prompt ({tokens:,} tokens{counted}) plus completion ({config.max_completion_length:,} tokens)"
    long = [identity for length, identity in context.prompts if length > bound]
    if not long:
        return ok(f"{message} fit into {name} ({limit:,} tokens)", tokens, bound)
    fix = f"raise {name}, lower data.max_pixels or grpo.max_completion_length, or use data.keep to exclude these rows"
    return failed(f"{message} exceed {name} ({limit:,} tokens) in {len(long)} rows: {_named(long)}", fix, tokens, bound)


def check_completions(context: Context) -> Finding:
    """Check that the longest ground-truth answer, with its reasoning trace, fits into a completion."""
    count, limit = counter(context.processor), context.config.max_completion_length
    lengths = [(count(_answer(context, row)), row["id"]) for row in context.all_rows()]
    tokens, identity = max(lengths)
    message = f"longest ground-truth answer: {tokens:,} tokens, including its rule-based reasoning (row {identity})"
    if tokens > limit:
        rows = sum(length > limit for length, _ in lengths)
        fix = f"raise grpo.max_completion_length to {tokens} or more"
        return failed(f"{message}; {rows} rows need more than {limit:,}", fix, tokens, limit)
    return ok(f"{message}, within {limit:,}", tokens, limit)


def check_images(context: Context) -> Finding:
    """Check that neither the processor nor a vLLM server would resize the training images a second time."""
    seen = {(view["width"], view["height"]) for row in context.all_rows() for view in row["views"]}
    stored = {context.bounds.size(*size) for size in seen}
    for name, bounds in _readers(context):
        if changed := sorted(size for size in stored if not bounds.fits(*size)):
            width, height = changed[0]
            fix = f"set data.max_pixels to a value from {bounds.min_pixels} to {bounds.max_pixels}"
            return failed(f"{name} would resize {len(changed)} of {len(stored)} sizes, such as {width}x{height}", fix)
    sides = (
        f"sides are multiples of {context.bounds.factor}, and areas are at most {context.bounds.max_pixels:,} pixels"
    )
    return ok(
        f"{len(stored)} image sizes ({len(seen - stored)} original sizes are changed in advance): {sides}, so the "
        "processor does not resize the images again"
    )


def check_speed(context: Context) -> Finding:
    """Check that the reward is computed fast enough that the GPU does not have to wait for it."""
    rows = [row for row, _ in zip(context.rows(), range(TIMED), strict=False)]
    answers = [(_answer(context, row), truth_of(row)) for row in rows]
    started = time.perf_counter()
    for answer, truth in answers:
        score(answer, truth, context.recipe.reward, context.recipe.prompt)
    speed = len(rows) / (time.perf_counter() - started)
    message = f"the reward scores {speed:,.0f} completions per second"
    if speed < SCORED:
        fix = f"expected at least {SCORED:,.0f}; check whether other programs keep this machine busy"
        return warning(message, fix, speed, SCORED)
    return ok(f"{message}, at least {SCORED:,.0f}", speed, SCORED)


def _readers(context: Context) -> Iterator[tuple[str, Bounds]]:
    """List each program that reads the images, and the program's limits on image sizes.

    A vLLM server knows only the limits in the model's folder. Colocated vLLM gets the limits from the recipe, so it is
    not listed.
    """
    yield "the processor", context.bounds
    if context.config.use_vllm and context.config.vllm_mode == "server":
        yield "a vLLM server", context.own_bounds


def _answer(context: Context, row: Row) -> str:
    return "".join(
        part["text"] or "" for message in completion(row, context.recipe.prompt) for part in message["content"]
    )


def _named(ids: list[str]) -> str:
    more = f" and {len(ids) - NAMED} more" if len(ids) > NAMED else ""
    return ", ".join(ids[:NAMED]) + more
