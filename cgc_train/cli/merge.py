"""`cgc-train merge`: merge the adapters of a run into its model."""

from pathlib import Path

import rich_click as click

from cgc_data.common.progress import show


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--to", "folder", type=click.Path(path_type=Path), help="Folder of the model.  [default: RUN-merged]")
@click.option("--checkpoint", type=int, metavar="STEP", help="Checkpoint to merge instead of the final model.")
@click.option("--dtype", default="bfloat16", show_default=True, help="Data type of the weights: bfloat16 or float32.")
def merge(run: Path, folder: Path | None, checkpoint: int | None, dtype: str) -> None:
    """Merge the adapters of RUN into its model, and write the result to a new folder. You can load this model with
    transformers alone.
    """
    from cgc_data.common.extras import need

    need("train")
    from cgc_train.console import quiet
    from cgc_train.publish.merge import merge as merge_run
    from cgc_train.run import open_run

    quiet()
    opened = open_run(run)
    to = folder or opened.folder.with_name(f"{opened.folder.name}-merged")
    show(f"{merge_run(opened, to, checkpoint=checkpoint, dtype=dtype)}: AutoModelForImageTextToText loads it")
