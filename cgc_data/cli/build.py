"""`cgc-data build`: build a release from the settings in a file, flags, and key=value pairs."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from cgc_data.cli.executor import executor_options
from cgc_data.cli.settings import resolve, setting_options
from cgc_data.common.errors import ConfigError
from cgc_data.common.progress import say, show
from cgc_data.config import BuildConfig

if TYPE_CHECKING:
    from cgc_data.builder.finishing import Built
    from cgc_data.common.executor import Executor
    from cgc_data.plan.build import Plan
    from cgc_data.plan.notes import TaskRows

BYTES_WITHOUT_IMAGES = 500  # per row of a release that stores no images


@click.command()
@setting_options
@executor_options(os.cpu_count() or 1, "Number of processes that read, plan, and render.")
@click.option(
    "--dry-run",
    is_flag=True,
    help=(
        "Plan only, and write no release: report the rows per task, the estimated size of the release, and the skipped "
        "photos and objects."
    ),
)
@click.option(
    "--push-to-hub",
    metavar="ORG/NAME",
    help=(
        "Push the finished release to the Hub. Unless you set the licenses, a build that stores images then uses only "
        "permissively licensed photos."
    ),
)
@click.option("--tag", metavar="vX.Y.Z", help="Version tag of the push. Required with --push-to-hub.")
@click.option(
    "--private", is_flag=True, help="Create the repository as private. An existing repository must already be private."
)
def build(
    settings: tuple[str, ...],
    out: Path,
    executor: "Executor",
    dry_run: bool,
    push_to_hub: str | None,
    tag: str | None,
    private: bool,
    **flags: Any,
) -> None:
    """Build a release. If you name no source, the build uses a small embedded sample.

    You can set every setting of the configuration in CONFIG.yaml or as KEY=VALUE, such as inter.hard=0.5 or
    limits.min_side=32. Flags override KEY=VALUE, and KEY=VALUE overrides the file.
    """
    from cgc_data.builder.planning import plan_only
    from cgc_data.builder.release import build_release
    from cgc_data.hub.gate import check_names

    if (tag is None) != (push_to_hub is None):
        raise ConfigError("--push-to-hub and --tag must be used together: --push-to-hub ORG/NAME --tag v1.0.0")
    if push_to_hub:
        check_names(push_to_hub, tag)
    config = resolve(settings, flags)
    if push_to_hub and config.images == "embed" and "licenses" not in config.model_fields_set:
        config = config.model_copy(update={"licenses": "permissive"})
    if dry_run:
        show_plan(plan_only(config, out, executor=executor), config)
        return
    built = build_release(config, out, executor=executor)
    show_built(built)
    if push_to_hub and tag:
        from cgc_data.hub import push

        noncommercial = config.licenses == "noncommercial"
        pushed = push(out, push_to_hub, tag=tag, private=private, noncommercial=noncommercial, on_event=say)
        show(f"load it:      {pushed.load_example}")


def show_built(built: "Built") -> None:
    """Print the row and photo counts of a finished release, and the commands to run next."""
    of = f" of {built.available}" if built.available else ""
    show(
        f"{built.folder}: {built.rows} rows from {built.photos}{of} photos "
        f"({built.wanted} requested, {built.rejected} rejected)"
    )
    show_made(built.made)
    show_notes(built.notes, built.folder / "rejected.parquet")
    if built.planned < 0.98 * built.wanted:
        say(f"only {built.planned} different rows can be built from these photos; to get more rows, add photos")
    show(f"view it:      cgc-data preview {built.folder}\nvalidate it:  cgc-data validate {built.folder}")


def show_made(made: Sequence["TaskRows"]) -> None:
    """Print one line per task: the number of rows made, the number requested, and the reason if fewer were made. The
    counts include rows with an empty answer.
    """
    for task in made:
        cause = f": {task.cause}" if task.cause else ""
        show(f"{task.tasks:<20} {task.made:>9,} rows of {task.asked:,} requested{cause}")


def show_notes(notes: Sequence[str], listed: Path | None) -> None:
    """Print notes for the user, and the path of the file that lists the skipped photos and objects."""
    for note in notes:
        say(note)
    if listed and any(note.startswith("skipped") for note in notes):
        say(f"reasons: {listed}")


def show_plan(plan: "Plan", config: BuildConfig) -> None:
    """Print the result of a dry run: rows by task, rows and photos by split, notes, and the estimated size."""
    from cgc_data.plan.build import estimated_bytes
    from cgc_data.plan.notes import split_notes

    show_made(plan.made)
    show(f"{'total':<20} {sum(plan.tasks.values()):>9} rows of {config.samples} requested, {len(plan.shards)} shards")
    for split, photos in plan.photos.items():
        rows = sum(shard.rows for shard in plan.shards if shard.split == split)
        show(f"{split:<20} {rows:>9} rows from {photos} photos")
    by_split = split_notes(plan.photos, {shard.split for shard in plan.shards})
    show_notes([*plan.notes, *by_split], None)
    size = estimated_bytes(plan) if config.images == "embed" else BYTES_WITHOUT_IMAGES * sum(plan.tasks.values())
    show(f"about {size / 1e6:.0f} MB")
