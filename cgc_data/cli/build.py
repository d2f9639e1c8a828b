"""`cgc-data build`: read the configuration from a file, flags, and key=value pairs, and build a release."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from cgc_data.cli.sources import SOURCE, source_options, splits_of
from cgc_data.common.errors import ConfigError
from cgc_data.common.progress import say, show
from cgc_data.common.settings import Values, merge_all, parse_override
from cgc_data.config import ORIENTATIONS, BuildConfig, load_config
from cgc_data.geometry import BOX_FORMATS
from cgc_data.sources import FORMATS, Format
from cgc_data.sources.clean import PARTS

if TYPE_CHECKING:
    from cgc_data.plan.build import Plan
    from cgc_data.plan.notes import TaskRows

DECLARABLE = " and ".join(f"--{form.name}" for form in FORMATS.values() if form.protocol.declarable)


def _about(form: Format) -> str:
    images = (
        ("; IMAGES is a folder or .zip, or several of them separated by commas")
        if form.name == next(iter(FORMATS))
        else ""
    )
    return f"{form.content}{images}. Repeatable."


@click.command()
@click.argument("settings", nargs=-1, metavar="[CONFIG.yaml] [KEY=VALUE]...")
@source_options(_about)
@click.option(
    "--exhaustive", is_flag=True, help=f"State that the {DECLARABLE} files box every instance of every category."
)
@click.option(
    "--bbox-format",
    type=click.Choice(BOX_FORMATS),
    help=f"Box format of the {DECLARABLE} files.  [default: xywh]",
)
@click.option(
    "--orientation",
    type=click.Choice(ORIENTATIONS),
    help=(
        f"For photos that EXIF rotates: whether the boxes in the {DECLARABLE} files fit the photo as_stored or "
        "as_displayed.  [default: as_stored, if certain]"
    ),
)
@click.option(
    "--ignore",
    multiple=True,
    type=click.Choice(PARTS),
    help=(
        f"Ignore a faulty part of the {DECLARABLE} files: masks, crowd flags, or objects that are annotated twice. "
        "Repeatable."
    ),
)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Output folder of the release.")
@click.option(
    "--samples", type=int, help="Approximate number of rows. All questions about one image set are kept together."
)
@click.option("--seed", type=int, help="Random seed.")
@click.option("--name", help="Name of the dataset.")
@click.option(
    "--images",
    type=click.Choice(["embed", "reference"]),
    help="Store the images in the release, or only references from which they can be composed.",
)
@click.option(
    "--licenses",
    "--licences",
    "licenses",
    type=click.Choice(["all", "permissive", "noncommercial"]),
    help="Use only photos with these licenses.",
)
@click.option(
    "--exclude",
    multiple=True,
    metavar="FILE",
    help=("Exclude these photos: a file of ids or file names, or the annotation file of a benchmark."),
)
@click.option(
    "--exclude-like",
    multiple=True,
    metavar="DIR",
    help=("Exclude photos that are near-duplicates of a photo in this folder."),
)
@click.option(
    "--workers",
    type=click.IntRange(1),
    default=os.cpu_count() or 1,
    show_default=True,
    help="Number of processes for planning and rendering.",
)
@click.option("--executor", type=click.Choice(["processes", "ray"]), default="processes", show_default=True)
@click.option(
    "--dry-run",
    is_flag=True,
    help=("Plan only: report the rows per task, the size of the release, and the rows that would be rejected."),
)
@click.option(
    "--push-to-hub",
    metavar="ORG/NAME",
    help=(
        "Push the finished release to the Hub. Unless you set --licenses, the build then uses only permissively "
        "licensed photos."
    ),
)
@click.option("--tag", metavar="vX.Y.Z", help="Version tag of the push.")
@click.option("--private", is_flag=True, help="Create the repository as private.")
def build(
    settings: tuple[str, ...],
    out: Path,
    workers: int,
    executor: Any,
    dry_run: bool,
    push_to_hub: str | None,
    tag: str | None,
    private: bool,
    **flags: Any,
) -> None:
    """Build a release. Without a source, the embedded sample is used.

    You can set every setting of the configuration as KEY=VALUE, such as inter.hard=0.5 or limits.min_side=32.
    """
    from cgc_data.builder.release import build_release, plan_only
    from cgc_data.hub.gate import check_names

    if (tag is None) != (push_to_hub is None):
        raise ConfigError("--push-to-hub and --tag must be used together: --push-to-hub ORG/NAME --tag v1.0.0")
    if push_to_hub:
        check_names(push_to_hub, tag)
    config = resolve(settings, flags)
    if push_to_hub and config.images == "embed" and "licenses" not in config.model_fields_set:
        config = config.model_copy(update={"licenses": "permissive"})
    if dry_run:
        show_plan(plan_only(config, out, workers=workers, executor=executor), config)
        return
    built = build_release(config, out, workers=workers, executor=executor)
    show(
        f"{built.folder}: {built.rows} rows from {built.photos} of {built.available} photos "
        f"({built.wanted} asked, {built.rejected} rejected)"
    )
    show_made(built.made)
    show_notes(built.notes, built.folder / "rejected.parquet")
    if built.planned < 0.98 * built.wanted:
        say(f"these photos allow only {built.planned} different rows; to get more rows, add photos")
    for split in built.empty_splits:
        say(_too_few(split))
    show(f"view it:      cgc-data preview {built.folder}\nvalidate it:  cgc-data validate {built.folder}")
    if push_to_hub and tag:
        from cgc_data.hub import push

        noncommercial = config.licenses == "noncommercial"
        pushed = push(out, push_to_hub, tag=tag, private=private, noncommercial=noncommercial, on_event=say)
        show(f"load it:      {pushed.load_example}")


def _too_few(split: str) -> str:
    fix = "increase splits.validation" if split == "validation" else "add photos"
    return f"{split}: too few photos for a row; {fix}"


def resolve(settings: tuple[str, ...], flags: Values) -> BuildConfig:
    """The configuration from CONFIG.yaml, KEY=VALUE pairs, and flags. Flags take precedence over pairs, and pairs over
    the file. Raises ConfigError.
    """
    files = [Path(s) for s in settings if "=" not in s]
    if len(files) > 1:
        raise ConfigError(f"{files[1]}: only one configuration file is allowed; write other settings as key=value")
    pairs = [parse_override(s) for s in settings if "=" in s]
    return load_config(files[0] if files else None, merge_all([*pairs, _from_flags(flags)]))


def _from_flags(flags: Values) -> Values:
    exhaustive = True if flags.pop("exhaustive") else None
    stated = {key: flags.pop(key, None) for key in ("bbox_format", "orientation")}
    declared: Values = {"exhaustive": exhaustive, **stated, "ignore": list(flags.pop("ignore", ()))}
    sources = []
    for form in FORMATS.values():
        bearing = declared if form.protocol.declarable else {}
        sources += [_source(form.name, text) | bearing for text in flags.pop(form.name, ())]
    values = {name: list(v) if isinstance(v, tuple) else v for name, v in flags.items() if v not in (None, ())}
    return values | ({"sources": sources} if sources else {})


def _source(kind: str, text: str) -> Values:
    # either part may contain a colon: split after an existing file, else at the last colon
    splits = list(splits_of(text))
    annotations, images = next((s for s in splits if Path(s[0]).is_file()), splits[-1] if splits else ("", ""))
    if not annotations or not images:
        raise ConfigError(
            f"--{kind} {text}: expected {SOURCE}, which is an annotation file followed by the folder or zip with its "
            "photos"
        )
    return {"kind": kind, "annotations": annotations, "images": images}


def show_made(made: Sequence["TaskRows"]) -> None:
    """Print one line per task: the rows made, the rows requested, and, if there are fewer, the reason. Rows with an
    empty answer are included.
    """
    for task in made:
        cause = f": {task.cause}" if task.cause else ""
        show(f"{task.tasks:<20} {task.made:>9,} rows of {task.asked:,} asked{cause}")


def show_notes(notes: Sequence[str], listed: Path | None) -> None:
    """Print notes for the user, and the path of the list of skipped photos and objects."""
    for note in notes:
        say(note)
    if listed and any(note.startswith("skipped") for note in notes):
        say(f"reasons: {listed}")


def show_plan(plan: "Plan", config: BuildConfig) -> None:
    """Print the result of a dry run: rows by task, photos by split, rejected candidates, and the estimated size."""
    from cgc_data.plan.build import estimated_bytes

    show_made(plan.made)
    show(f"{'total':<20} {sum(plan.tasks.values()):>9} rows of {config.samples} asked, {len(plan.shards)} shards")
    for split, photos in plan.photos.items():
        rows = sum(shard.rows for shard in plan.shards if shard.split == split)
        show(f"{split:<20} {rows:>9} rows from {photos} photos")
        if photos and not rows:
            say(_too_few(split))
    show_notes(plan.notes, None)
    size = estimated_bytes(plan) if config.images == "embed" else 2000 * sum(plan.tasks.values())
    show(f"about {size / 1e6:.0f} MB")
