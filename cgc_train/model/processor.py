"""Loads the processor of a model, and sets left padding, no truncation, and a pixel limit."""

from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from cgc_train.errors import ModelError
from cgc_train.protocols import ImageProcessor, Processor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cgc_train.recipe import ModelSettings

# Above the context of any model, so that prompts are never cut inside image tokens: `cgc-train check` limits prompts.
NO_LIMIT = 10**9
SECONDS = 5  # timeout for the Hub; short and without retries, so that a check without a network ends quickly


def load_processor(settings: "ModelSettings", max_pixels: int | None = None) -> Processor:
    """Load the processor of a model. The processor always pads on the left and never truncates.

    Args:
        settings: model settings; `name` is a folder or a Hub id.
        max_pixels: maximum number of pixels per image, capped at the processor's limit; None: the processor's limit.

    Raises:
        ModelError: the processor does not exist, does not support images, or cannot be downloaded.
    """
    from transformers import AutoProcessor, ProcessorMixin

    check_folder(settings.name, "preprocessor_config.json", "processor_config.json")
    with shown_as_model_error(settings.name, "processor"):
        loaded = AutoProcessor.from_pretrained(settings.name, revision=settings.revision, padding_side="left")
    if not isinstance(loaded, ProcessorMixin) or not hasattr(loaded, "image_processor"):
        raise ModelError(f"{settings.name}: its processor does not support images; use a model such as Qwen3-VL")
    processor: Processor = loaded
    processor.tokenizer.padding_side = "left"
    processor.tokenizer.model_max_length = NO_LIMIT
    if max_pixels is not None:
        _limit_pixels(processor.image_processor, max_pixels)
    return processor


def check_folder(name: str, *any_of: str) -> None:
    """Raise ModelError if `name` is a folder that contains none of the given files, or a folder that does not exist."""
    folder = Path(name)
    if folder.is_dir():
        if not any((folder / file).is_file() for file in any_of):
            raise ModelError(
                f"{folder}: no {' or '.join(any_of)}; pass a model folder, such as RUN/model of a run, or copy this "
                "file from the model you started from"
            )
    elif _looks_local(name):
        raise ModelError(f"{name}: no such folder; pass a model folder or a Hub id (ORG/NAME)")


def within_reach(name: str, revision: str | None, file: str) -> bool:
    """Whether to try to load a file of a model. True if `name` is a local path, if the file is in the local Hub cache,
    or if the Hub responds.
    """
    from huggingface_hub import try_to_load_from_cache

    if Path(name).is_dir() or name.count("/") != 1:
        return True  # loading the model reports the missing file
    return isinstance(try_to_load_from_cache(name, file, revision=revision), str) or _hub_answers()


@contextmanager
def shown_as_model_error(name: str, what: str) -> "Iterator[None]":
    """Context manager that converts loading errors to a one-line ModelError."""
    try:
        yield
    except (OSError, ValueError, KeyError, ImportError, RuntimeError, TypeError) as error:
        reason = " ".join(str(error).split())[:300]
        raise ModelError(
            f"{name}: cannot load the {what} ({reason}); check the name, the files, or the network"
        ) from None


def _limit_pixels(image_processor: ImageProcessor, max_pixels: int) -> None:
    most = min(max_pixels, image_processor.size["longest_edge"])
    image_processor.size = {"shortest_edge": image_processor.size["shortest_edge"], "longest_edge": most}


def _looks_local(name: str) -> bool:
    return name.startswith((".", "/", "~")) or name.count("/") != 1


@cache
def _hub_answers() -> bool:
    from huggingface_hub import constants, get_session

    if constants.HF_HUB_OFFLINE:
        return False
    try:
        get_session().head(constants.ENDPOINT, timeout=SECONDS)
    except Exception:  # the Hub did not respond; the error depends on the HTTP library that its client uses
        return False
    return True
