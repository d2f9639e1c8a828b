"""`cgc-train tiny`: write the tiny random model."""

from pathlib import Path

import rich_click as click

from cgc_data.common.progress import show
from cgc_train.families import FAMILIES


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--family", type=click.Choice(list(FAMILIES)), default="qwen3_vl", show_default=True, help="Model type.")
@click.option("--seed", default=0, show_default=True, help="Seed of the random weights.")
@click.option("--real-tokens", is_flag=True, help="Vocabulary and ids of special tokens as large as the real model's.")
@click.option("--head-size", type=click.Choice(["16", "32"]), default="16", show_default=True, help="Of attention.")
@click.option("--warm", is_flag=True, help="Warmed up on painted photos; without --seed and the options of shape.")
def tiny(folder: Path, family: str, seed: int, real_tokens: bool, head_size: str, warm: bool) -> None:
    """Write a tiny model of a few hundred thousand weights, random or warmed up, to FOLDER: to try all on a CPU."""
    from cgc_data.common.extras import need

    need("train")
    from cgc_train.tiny import write_tiny, write_warm

    if warm:
        if (family, seed, real_tokens, head_size) != ("qwen3_vl", 0, False, "16"):
            raise click.UsageError("--warm has the seed and the shape it was trained with; leave the other options out")
        write_warm(folder)
        show(f"{folder}: a tiny model that was warmed up on painted photos, as `cgc-data paint large` paints them")
        return
    write_tiny(folder, family=family, seed=seed, real_tokens=real_tokens, head_size=int(head_size))
    show(f"{folder}: a tiny random model; it knows nothing until it is trained")
