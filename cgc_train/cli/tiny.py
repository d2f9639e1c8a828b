"""`cgc-train tiny`: write a tiny model."""

from pathlib import Path

import rich_click as click

from cgc_data.common.progress import show
from cgc_train.families import FAMILIES


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--family", type=click.Choice(list(FAMILIES)), default="qwen3_vl", show_default=True, help="Model type.")
@click.option("--seed", default=0, show_default=True, help="Seed of the random weights.")
@click.option(
    "--real-tokens",
    is_flag=True,
    help=(
        "Use the vocabulary size and the special token ids of the full-size model. The tiny model then has about ten "
        "million weights. Only for qwen3_vl and qwen3_vl_moe."
    ),
)
@click.option(
    "--head-size", type=click.Choice(["16", "32"]), default="16", show_default=True, help="Size of each attention head."
)
@click.option(
    "--warm",
    is_flag=True,
    help=(
        "Write a tiny model that has already been trained on synthetic photos. No other option can be combined with "
        "this one."
    ),
)
def tiny(folder: Path, family: str, seed: int, real_tokens: bool, head_size: str, warm: bool) -> None:
    """Write a tiny model with a few hundred thousand weights to FOLDER, for experiments on a CPU.

    The weights are random. With --warm, the model has already learned the answer format.
    """
    from cgc_data.common.extras import need

    need("train")
    from cgc_train.console import quiet
    from cgc_train.tiny import write_tiny, write_warm

    quiet()
    if warm:
        if (family, seed, real_tokens, head_size) != ("qwen3_vl", 0, False, "16"):
            raise click.UsageError("--warm writes a model with a fixed seed and shape; remove the other options")
        write_warm(folder)
        show(f"{folder}: a tiny model, warmed up on photos painted by `cgc-data paint single`")
        return
    write_tiny(folder, family=family, seed=seed, real_tokens=real_tokens, head_size=int(head_size))
    show(f"{folder}: a tiny model with random weights, untrained")
