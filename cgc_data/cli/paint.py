"""`cgc-data paint`: draw a preset's photos and annotation files into a folder."""

from pathlib import Path

import rich_click as click

from cgc_data.common.progress import show
from cgc_data.painter import PRESETS, PaintedSource
from cgc_data.painter import paint as paint_preset
from cgc_data.painter.paint import Preset


@click.command()
@click.argument("preset", type=click.Choice(PRESETS))
@click.option(
    "--to", "out", type=click.Path(path_type=Path, file_okay=False), required=True, help="Empty or new folder."
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Another seed, other scenes.")
@click.option(
    "--photos", type=click.IntRange(min=1), help="Photos of the train file; the preset's own number if left out."
)
def paint(preset: Preset, out: Path, seed: int, photos: int | None) -> None:
    """Paint PRESET: photos of drawn scenes with exact COCO (and LVIS) annotations, the same bytes for the same seed."""
    from cgc_data.builder.work import explained

    with explained(out, "--to"):
        sources = paint_preset(preset, out, seed=seed, photos=photos)
    for source in sources:
        show(f"--{source.kind} {source.annotations}:{source.images}  ({_describe(source)})")


def _describe(source: PaintedSource) -> str:
    labelled = "every listed category labelled" if source.exhaustive else "federated"
    return f"{labelled}, {'held out for testing' if source.split == 'test' else 'for training and validation'}"
