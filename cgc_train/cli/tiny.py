"""`cgc-train tiny`: write the tiny random model."""

from pathlib import Path

import rich_click as click

from cgc_data.common.progress import show


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--seed", default=0, show_default=True, help="Seed of the random weights.")
def tiny(folder: Path, seed: int) -> None:
    """Write a randomly initialised Qwen3-VL of a few hundred thousand weights to FOLDER, to try everything on a CPU."""
    from cgc_data.common.extras import need

    need("train")
    from cgc_train.tiny import write_tiny

    write_tiny(folder, seed=seed)
    show(f"{folder}: a tiny random model; it knows nothing until it is trained")
