"""Checks of the data: readable, true to itself, rewarded in full, and short enough for the model."""

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

NAMED = 3  # rows named in a line
TIMED = 200  # rows whose answers are scored to measure the reward
SCORED = 200.0  # completions a second that the reward has to reach: a second for what a GPU samples in minutes


def check_data(context: Context) -> Finding:
    """The release is readable, its filters leave rows, and each is true to itself."""
    data = context.recipe.data
    kinds = Counter(f"{row['contrast']} {row['task']}" for row in context.rows())
    parts = ", ".join(f"{count:,} {kind}" for kind, count in sorted(kinds.items()))
    rows, round_of = sum(kinds.values()), context.batch.sampled // context.batch.generations
    message = f"{data.release}: {rows:,} rows to train on ({parts}), {len(context.held_out)} held out"
    if rows < round_of:
        mend = "relax the filters of data, build a larger release, or lower grpo.steps_per_generation"
        return failed(f"{message}; one round of sampling takes {round_of} rows", mend, rows, round_of)
    return ok(message, rows, round_of)


def check_groups(context: Context) -> Finding:
    """Most groups teach something, as far as `cgc-train difficulty` measured it."""
    data, settings = context.recipe.data, context.recipe.groups
    found = measurements(Path(data.keep)) if data.keep else {}
    groups = [found[identity].rewards for identity in context.ids if identity in found]
    if not groups:
        return ok("not measured which groups teach (`cgc-train difficulty`); a run warns if most teach nothing")
    idle = sum(not teaches(rewards, settings) for rewards in groups) / len(groups)
    message = f"{idle:.0%} of {len(groups):,} measured groups teach nothing by `groups`"
    if idle >= context.recipe.warnings.idle_groups:
        fix = "relax groups.min_spread, min_mean or max_mean, or measure again with a stronger start"
        return warning(message, fix, idle, context.recipe.warnings.idle_groups)
    return ok(message, idle, context.recipe.warnings.idle_groups)


def check_gold(context: Context) -> Finding:
    """Every row's own answer earns the full reward."""
    wrong = gold_check(context.all_rows(), context.recipe.reward, context.recipe.prompt)
    if wrong:
        mend = "build or download the release again, or leave them out by data.keep"
        return failed(f"{len(wrong)} rows whose own answer is not paid in full: {_named(wrong)}", mend, len(wrong), 0)
    return ok("every row's own answer earns the full reward", 0, 0)


def check_prompts(context: Context) -> Finding:
    """Every prompt with all its images, and a completion, fit into the model's context and into vLLM's."""
    config = context.config
    limits = {"the model's context": context.shape.context}
    if config.use_vllm and config.vllm_max_model_length:
        limits["grpo.vllm_max_model_length"] = config.vllm_max_model_length
    name, limit = min(limits.items(), key=lambda entry: entry[1])
    tokens, bound = context.prompts[0][0], limit - config.max_completion_length
    counted = "" if context.processor else " (text estimated from above)"
    message = f"longest prompt {tokens:,} tokens{counted} + completion {config.max_completion_length:,}"
    long = [identity for length, identity in context.prompts if length > bound]
    if not long:
        return ok(f"{message} fit into {limit:,}, {name}", tokens, bound)
    mend = f"raise {name}, lower data.max_pixels or grpo.max_completion_length, or leave the rows out by data.keep"
    return failed(f"{message} exceed {limit:,}, {name}, in {len(long)} rows: {_named(long)}", mend, tokens, bound)


def check_completions(context: Context) -> Finding:
    """The longest true answer after a reasoning trace fits into a completion."""
    count, limit = counter(context.processor), context.config.max_completion_length
    lengths = [(count(_answer(context, row)), row["id"]) for row in context.all_rows()]
    tokens, identity = max(lengths)
    message = f"longest true answer {tokens:,} tokens, its trace by rule included (row {identity})"
    if tokens > limit:
        rows = sum(length > limit for length, _ in lengths)
        mend = f"raise grpo.max_completion_length to {tokens} or more"
        return failed(f"{message}: {rows} rows need more than {limit:,}", mend, tokens, limit)
    return ok(f"{message}, within {limit:,}", tokens, limit)


def check_images(context: Context) -> Finding:
    """Images are stored at sizes that the processor, and a vLLM server, leave alone."""
    seen = {(view["width"], view["height"]) for row in context.all_rows() for view in row["views"]}
    stored = {context.bounds.size(*size) for size in seen}
    for name, bounds in _readers(context):
        if changed := sorted(size for size in stored if not bounds.fits(*size)):
            width, height = changed[0]
            mend = f"choose data.max_pixels between {bounds.min_pixels} and {bounds.max_pixels}"
            return failed(f"{name} would resize {len(changed)} of {len(stored)} sizes, such as {width}x{height}", mend)
    sides = f"multiples of {context.bounds.factor} within {context.bounds.max_pixels:,} pixels"
    return ok(f"{len(stored)} sizes ({len(seen - stored)} resized beforehand), {sides}: nothing resizes them again")


def check_speed(context: Context) -> Finding:
    """The reward is fast enough that no GPU waits for it."""
    rows = [row for row, _ in zip(context.rows(), range(TIMED), strict=False)]
    answers = [(_answer(context, row), truth_of(row)) for row in rows]
    started = time.perf_counter()
    for answer, truth in answers:
        score(answer, truth, context.recipe.reward, context.recipe.prompt)
    speed = len(rows) / (time.perf_counter() - started)
    message = f"the reward scores {speed:,.0f} completions a second"
    if speed < SCORED:
        return warning(message, f"expected {SCORED:,.0f}: look for another load on this machine", speed, SCORED)
    return ok(f"{message}, at least {SCORED:,.0f}", speed, SCORED)


def _readers(context: Context) -> Iterator[tuple[str, Bounds]]:
    """Who reads the images, with the limits each has: a vLLM server knows only those of the model's folder.

    In the same process vLLM is started with the recipe's own.
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
