"""Whole weights of a run in a folder that the stock AutoProcessor and AutoModel load without this package."""

from pathlib import Path

from cgc_train.errors import ModelError, RunError
from cgc_train.model import load_processor, load_trained
from cgc_train.protocols import Model, Processor
from cgc_train.recipe import ModelSettings
from cgc_train.run import Run, check_free

DTYPES = ("bfloat16", "float32")


def merge(run: Run, folder: Path, *, checkpoint: int | None = None, dtype: str = "bfloat16") -> Path:
    """Write the model of a run, adapters merged into their base, with its processor and generation settings.

    Args:
        run: finished, unless `checkpoint` is given.
        folder: new or empty.
        checkpoint: step of a checkpoint to take instead of the final model.
        dtype: of the weights written, one of `DTYPES`.

    Raises:
        RunError: the run is not finished, has no such checkpoint, or `folder` is taken.
        ModelError: the weights or the base of the adapter cannot be loaded.
    """
    if dtype not in DTYPES:
        raise ModelError(f"--dtype {dtype}: weights are written as {' or '.join(DTYPES)}")
    check_free(folder)
    source = _source(run, checkpoint)
    import torch

    # the base as it was trained on, and merged in full precision: two roundings would give another policy
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
            raise RunError(f"{run.folder}: not finished; go on with `cgc-train resume {run.folder}`, or --checkpoint N")
        return run.model_folder
    found = {int(path.name.rpartition("-")[2]): path for path in run.checkpoints()}
    if checkpoint not in found:
        known = ", ".join(map(str, found)) or "none"
        raise RunError(f"{run.folder}: no checkpoint {checkpoint}; there are: {known}")
    return found[checkpoint]


def _merged(model: Model) -> Model:
    return model.merge_and_unload() if hasattr(model, "merge_and_unload") else model


def _as_stored(processor: Processor) -> None:
    """Undo what training alone needs: no limit on the length of prompts stays, as it would be written as a number."""
    tokenizer = processor.tokenizer
    tokenizer.model_max_length = tokenizer.init_kwargs.get("model_max_length") or int(1e30)
