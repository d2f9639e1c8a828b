"""Computes the memory that weights, gradients, and the optimizer need."""

from collections.abc import Iterator

from cgc_train.check.planned import DEEPSPEED, Part, PlannedRun

MASTER = "float32 copy of trained weights"
# DeepSpeed's default size of reduction and gathering buckets, at 2 bytes per number.
BUCKET = 5 * 10**8
# DeepSpeed's default number of weights that ZeRO-3 updates at a time; the weight that reaches this number is included.
STEP = 10**9


def states(run: PlannedRun) -> Iterator[Part]:
    """List the parts of the memory plan that are in use both while sampling and while learning."""
    lora, deepspeed = run.recipe.model.lora, run.recipe.sharing in DEEPSPEED
    trained, width = run.trained, run.trained_width
    weights = run.base + trained * width if lora else run.base + trained * (width - run.width)
    yield Part("weights", run.share("weights", weights), "always")
    # DDP copies gradients into communication buckets
    copies = 2 if run.recipe.sharing == "ddp" and run.recipe.gpus > 1 else 1
    yield Part("gradients", run.share("gradients", copies * trained * width), "always")
    master = 4 * trained if deepspeed and width < 4 else 0
    yield Part(MASTER, run.share("optimizer", master), "always")
    moments = trained * _optimizer_bytes(str(run.config.optim.value), 4 if deepspeed else width)
    yield Part("optimizer", run.share("optimizer", moments), "always")
    if run.config.beta and not lora:  # with adapters, the reference is the model with its adapters disabled
        yield Part("reference model", run.share("reference", run.base), "always")
    if run.recipe.sharing == "zero3":  # a run with one process also has these buckets
        yield Part("bucket of gradients", 2 * BUCKET, "always")


def _optimizer_bytes(name: str, width: int) -> float:
    """Bytes of optimizer state per trained weight. Adam keeps two numbers per weight.

    8-bit optimizers use one byte per number, plus a float32 scale for every 256 numbers.
    """
    if "8bit" in name:
        return 2 * (1 + 4 / 256)
    if "adafactor" in name:
        return 0.01
    if name.startswith("sgd"):
        return 0
    return 2 * width


def stepping(run: PlannedRun) -> int:
    """Bytes that DeepSpeed needs to update weights: the concatenated gradients and a float32 copy of them."""
    if run.recipe.sharing not in DEEPSPEED:
        return 0
    updated = run.share("optimizer", run.trained)
    if run.recipe.sharing == "zero3":
        updated = min(updated, STEP + run.share("optimizer", max(run.shape.embedding, run.shape.head)))
    return (run.trained_width + 4) * updated
