"""The second stage of a build: renders the shards of a plan. This stage can run on several machines. If you repeat it,
finished shards are kept.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from cgc_data.builder.changes import require_photos
from cgc_data.builder.draft import PHOTOS, Draft, check_planned, check_whole, read_draft
from cgc_data.builder.locks import together
from cgc_data.builder.ranges import selected
from cgc_data.builder.shards import Receipt, ShardTask, render_shard
from cgc_data.builder.work import WORK, explained
from cgc_data.common.executor import Executor
from cgc_data.common.processes import HERE
from cgc_data.common.progress import track
from cgc_data.release.inside import inside


def render_release(out: Path, ranges: Sequence[str] = (), *, executor: Executor = HERE) -> list[Receipt]:
    """Render shards of a planned release, by default all shards, and return their receipts.

    Finished shards are verified and kept.

    `ranges` contains strings such as "0:10". Any number of processes can render at the same time, on any machines that
    share the folder. Two processes can safely render the same shard. Raises ConfigError for a range without shards.
    Raises BuildError if nothing is planned, the release is finished, or the photos are missing on this machine.
    """
    check_planned(out)
    with explained(out, "folder"), together(out):
        draft = read_draft(out)
        numbers = selected(ranges, len(draft.plan.shards), out)
        require_photos(draft.images.values())
        tasks = shard_tasks(draft, out, numbers)
        check_whole(draft, out, {PHOTOS, *(task.plan.name for task in tasks)})
        return rendered(tasks, executor)


def shard_tasks(draft: Draft, out: Path, numbers: Iterable[int] | None = None) -> list[ShardTask]:
    """One rendering job per shard, in the plan's order; `numbers` selects the shards."""
    config, plan = draft.config, draft.plan
    totals = Counter((shard.contrast, shard.split) for shard in plan.shards)
    tasks = []
    for shard in plan.shards if numbers is None else [plan.shards[number] for number in numbers]:
        name = f"{shard.split}-{shard.number:05d}-of-{totals[shard.contrast, shard.split]:05d}"
        tasks.append(
            ShardTask(
                plan=inside(out, f"{WORK}/{shard.contrast}-{shard.split}.parquet"),
                number=shard.number,
                target=inside(out, f"{shard.contrast}/{name}.parquet"),
                receipt=inside(out, f"{WORK}/{shard.contrast}-{name}.json"),
                photos=inside(out, f"{WORK}/{PHOTOS}"),
                stores=draft.images,
                displayed=frozenset(draft.displayed),
                embed=config.images == "embed",
                jpeg_quality=config.intra.jpeg_quality,
            )
        )
    return tasks


def rendered(tasks: list[ShardTask], executor: Executor) -> list[Receipt]:
    """Render the shards, and return their receipts in the order of `tasks`."""
    results = executor.run(render_shard, tasks, len(tasks))
    return list(track(results, "render", len(tasks)))
