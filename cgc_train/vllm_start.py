"""Adds settings that TRL omits when it starts vLLM: the data type of the weights, and limits for images.

By default, vLLM computes in half precision even if the weights are float32, so sampling and training would differ. vLLM
would also reserve memory for videos, and for images of the largest size that the model's processor allows by default.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Protocol

from trl.generation import vllm_generation

from cgc_train.protocols import GrpoArguments, Processor


class Rows(Protocol):
    """A data set with a column `images`, which contains the images of each row."""

    def __getitem__(self, column: str, /) -> Iterable[Sequence[object]]: ...


def vllm_settings(args: GrpoArguments, processor: Processor, *sets: Rows | None) -> dict[str, object]:
    """Build vLLM's settings for these data sets: the data type, the maximum number of images per prompt, and the
    minimum and maximum number of pixels per image. Videos are not allowed.
    """
    most = max(len(images) for rows in sets if rows is not None for images in rows["images"])
    size = dict(processor.image_processor.size)
    images = {"limit_mm_per_prompt": {"image": most, "video": 0}, "mm_processor_kwargs": {"size": size}}
    return {"dtype": args.model_init_kwargs["dtype"], **images}


@contextmanager
def vllm_started_with(settings: Mapping[str, object]) -> Iterator[None]:
    """Context manager that makes TRL start vLLM with these settings, for which TRL has no options."""
    started = vllm_generation.LLM
    vllm_generation.LLM = partial(started, **settings)
    try:
        yield
    finally:
        vllm_generation.LLM = started
