"""Merges a run's adapters into its model, and writes a folder that stock AutoProcessor and AutoModel can load."""

from pathlib import Path

from cgc_train.errors import ModelError, RunError
from cgc_train.model import load_processor, load_trained
from cgc_train.protocols import Model, Processor
from cgc_train.recipe import ModelSettings
from cgc_train.run import Run, check_free

DTYPES = ("bfloat16", "float32")


def merge(run: Run, folder: Path, *, checkpoint: int | None = None, dtype: str = "bfloat16") -> Path:
    """Merge the adapters of a run into its model, and write the model with its processor and generation settings.

    Args:
        run: a finished run, or any run if `checkpoint` is given.
        folder: a new or empty folder.
        checkpoint: step of the checkpoint to use instead of the final model.
        dtype: data type of the written weights, one of `DTYPES`.

    Raises:
        RunError: `folder` is not empty, the run does not have this checkpoint, or the run is not finished and you did
            not pass `checkpoint`.
        ModelError: the weights or the base model of the adapter cannot be loaded.
    """
    if dtype not in DTYPES:
        raise ModelError(f"--dtype {dtype} is not a supported type; choose {' or '.join(DTYPES)}")
    check_free(folder)
    source = _source(run, checkpoint)
    import torch

    # merge into the same base as in training, in full precision: rounding twice would result in a different policy
    trained = load_trained(source, dtype=run.recipe.model.dtype, device="cpu").to(torch.float32)
    model = _merged(trained)
    processor = load_processor(ModelSettings(name=str(source)))
    _as_stored(processor)
    folder.mkdir(parents=True, exist_ok=True)
    model.to(getattr(torch, dtype)).save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def _source(run: Run, checkpoint: int | None) -> Path:
    if checkpoint is None:
        if not run.finished:
            raise RunError(
                f"{run.folder}: not finished; run `cgc-train resume {run.folder}`, or merge a checkpoint with "
                f"`cgc-train merge {run.folder} --checkpoint N`"
            )
        return run.model_folder
    found = {int(path.name.rpartition("-")[2]): path for path in run.checkpoints()}
    if checkpoint not in found:
        known = ", ".join(map(str, found)) or "none"
        raise RunError(f"{run.folder}: no checkpoint {checkpoint}; choose from {known}")
    return found[checkpoint]


def _merged(model: Model) -> Model:
    return model.merge_and_unload() if hasattr(model, "merge_and_unload") else model


def _as_stored(processor: Processor) -> None:
    """Restore the tokenizer's original limit on prompt length, so that the limit for training is not saved."""
    tokenizer = processor.tokenizer
    tokenizer.model_max_length = tokenizer.init_kwargs.get("model_max_length") or int(1e30)
