"""Flags and arguments that set the configuration of a build."""

from collections.abc import Callable
from functools import reduce
from pathlib import Path
from typing import Any

import rich_click as click

from cgc_data.cli.sources import SOURCE, Command, source_options, splits_of
from cgc_data.common.errors import ConfigError
from cgc_data.common.settings import Values, merge_all, parse_override
from cgc_data.config import ORIENTATIONS, BuildConfig, load_config
from cgc_data.geometry import BOX_FORMATS
from cgc_data.sources import FORMATS, Format
from cgc_data.sources.clean import PARTS

DECLARABLE = " and ".join(f"--{form.name}" for form in FORMATS.values() if form.protocol.declarable)


def _about(form: Format) -> str:
    images = "; IMAGES: a folder or .zip, or several separated by commas" if form.name == next(iter(FORMATS)) else ""
    return f"{form.content}{images}. Repeatable."


_OPTIONS: tuple[Callable[[Any], Any], ...] = (
    click.argument("settings", nargs=-1, metavar="[CONFIG.yaml] [KEY=VALUE]..."),
    source_options(_about),
    click.option(
        "--exhaustive", is_flag=True, help=f"Declare that the {DECLARABLE} files box every instance of every category."
    ),
    click.option(
        "--bbox-format",
        type=click.Choice(BOX_FORMATS),
        help=f"Box format in the {DECLARABLE} files.  [default: xywh]",
    ),
    click.option(
        "--orientation",
        type=click.Choice(ORIENTATIONS),
        help=(
            f"as_stored: the boxes in the {DECLARABLE} files fit the photos before EXIF rotation. as_displayed: they "
            "fit the photos after EXIF rotation.  [default: as_stored, but the build fails unless the sizes of rotated "
            "photos confirm this]"
        ),
    ),
    click.option(
        "--ignore",
        multiple=True,
        type=click.Choice(PARTS),
        help=f"Ignore these faulty parts of the {DECLARABLE} files: masks, crowd flags, or objects annotated twice. "
        "Repeatable.",
    ),
    click.option("--out", type=click.Path(path_type=Path), required=True, help="Output folder of the release."),
    click.option(
        "--samples",
        type=int,
        help="Number of rows. It is approximate because all questions about one image set are built together.",
    ),
    click.option("--seed", type=int, help="Random seed."),
    click.option("--name", help="Name of the dataset."),
    click.option(
        "--images",
        type=click.Choice(["embed", "reference"]),
        help="embed: store the images. reference: store no images; readers compose them from the photos.",
    ),
    click.option(
        "--licenses",
        "--licences",
        "licenses",
        type=click.Choice(["all", "permissive", "noncommercial"]),
        help="Which photos to use, by license.",
    ),
    click.option(
        "--exclude",
        multiple=True,
        metavar="FILE",
        help=(
            "Exclude the photos in this file: a list of ids or file names, or the annotations of a benchmark. "
            "Repeatable."
        ),
    ),
    click.option(
        "--exclude-like",
        multiple=True,
        metavar="DIR",
        help="Exclude near-duplicates of the photos in this folder. Repeatable.",
    ),
)


def setting_options(command: Command) -> Command:
    """Add the build flags and arguments, including `--out`, to a command. The help lists them in the order of
    `_OPTIONS`.
    """
    return reduce(lambda found, option: option(found), reversed(_OPTIONS), command)


def resolve(settings: tuple[str, ...], flags: Values) -> BuildConfig:
    """Configuration from CONFIG.yaml, KEY=VALUE pairs, and flags. Flags override pairs, and pairs override the file.
    Raises ConfigError if a setting is invalid.
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
    unused = [name for name, value in declared.items() if value]
    if unused and not any(FORMATS[source["kind"]].protocol.declarable for source in sources):
        flag = f"--{unused[0].replace('_', '-')}"
        raise ConfigError(
            f"{flag} applies only to the files of {DECLARABLE}; for a source in a configuration file, set "
            f"`{unused[0]}` there"
        )
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
