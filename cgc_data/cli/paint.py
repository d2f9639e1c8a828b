"""`cgc-data paint`: generate the synthetic photos and annotation files of a preset."""

from pathlib import Path

import rich_click as click

from cgc_data.common.progress import show
from cgc_data.painter import PRESETS, PaintedSource
from cgc_data.painter import paint as paint_preset
from cgc_data.painter.paint import Preset


@click.command()
@click.argument("preset", type=click.Choice(PRESETS))
@click.option(
    "--to", "out", type=click.Path(path_type=Path, file_okay=False), required=True, help="New or empty folder."
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Random seed of the scenes.")
@click.option(
    "--photos",
    type=click.IntRange(min=1),
    help=("Number of photos in the train file [default: set by the preset]."),
)
def paint(preset: Preset, out: Path, seed: int, photos: int | None) -> None:
    """Paint the synthetic scenes of PRESET, with exact COCO annotations. The preset `standard` also has LVIS
    annotations. The same seed produces the same bytes.
    """
    from cgc_data.builder.work import explained

    with explained(out, "--to"):
        sources = paint_preset(preset, out, seed=seed, photos=photos)
    for source in sources:
        show(f"--{source.kind} {source.annotations}:{source.images}  ({_describe(source)})")


def _describe(source: PaintedSource) -> str:
    labelled = "every listed category labeled" if source.exhaustive else "federated"
    return f"{labelled}, {'held out for testing' if source.split == 'test' else 'for training and validation'}"
