"""Settings that TRL leaves out when it starts vLLM: the type of the weights, and the images to expect.

By itself vLLM computes in half precision where a folder holds float32, so that what it samples is not what is learned
from, and reserves room for the largest image that the folder allows, and for videos.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Protocol

from trl.generation import vllm_generation

from cgc_train.protocols import GrpoArguments, Processor


class Rows(Protocol):
    """A data set whose column `images` holds the images of each row."""

    def __getitem__(self, column: str, /) -> Iterable[Sequence[object]]: ...


def vllm_settings(args: GrpoArguments, processor: Processor, *sets: Rows | None) -> dict[str, object]:
    """vLLM's settings for prompts of these data sets: type, most images of a prompt, no videos, pixels of an image."""
    most = max(len(images) for rows in sets if rows is not None for images in rows["images"])
    size = dict(processor.image_processor.size)
    images = {"limit_mm_per_prompt": {"image": most, "video": 0}, "mm_processor_kwargs": {"size": size}}
    return {"dtype": args.model_init_kwargs["dtype"], **images}


@contextmanager
def vllm_started_with(settings: Mapping[str, object]) -> Iterator[None]:
    """Inside, TRL starts vLLM with these settings too: it has none of its own for them."""
    started = vllm_generation.LLM
    vllm_generation.LLM = partial(started, **settings)
    try:
        yield
    finally:
        vllm_generation.LLM = started
