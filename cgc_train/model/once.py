"""Opens and processes each image of a batch once, regardless of the number of samples for its prompt.

GRPO samples several completions per prompt, and TRL passes the processor a copy of the prompt's images for each.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from cgc_train.protocols import Processor


@contextmanager
def each_image_once(processor: Processor) -> Iterator[None]:
    """Context in which a processor of the Qwen-VL families opens and processes equal images only once.

    Images count as equal if they are passed as the same path or as the same object.
    """
    whole = processor.image_processor
    processor.image_processor = _Once(whole)
    try:
        yield
    finally:
        processor.image_processor = whole


class _Once:
    """An image processor that computes its output once for equal images and repeats it."""

    def __init__(self, wrapped: Any) -> None:
        self.wrapped = wrapped

    def __getattr__(self, name: str) -> Any:
        return getattr(self.wrapped, name)

    def fetch_images(self, images: Any) -> Any:
        """Open images and keep their nesting; the same path returns the same object."""
        opened: dict[str, object] = {}

        def fetched(entry: Any) -> Any:
            if isinstance(entry, list | tuple):
                return [fetched(part) for part in entry]
            if isinstance(entry, str):
                if entry not in opened:
                    opened[entry] = self.wrapped.fetch_images(entry)
                return opened[entry]
            return self.wrapped.fetch_images(entry)

        return fetched(images)

    def __call__(self, images: Any, **settings: object) -> Any:
        """The output of the wrapped processor: `pixel_values` (patches, values), `image_grid_thw` (images, 3)."""
        shown = list(_flat(images))
        distinct = {id(image): image for image in shown}
        if len(distinct) == len(shown):
            return self.wrapped(images, **settings)
        processed = self.wrapped(list(distinct.values()), **settings)
        places = {key: place for place, key in enumerate(distinct)}
        order = [places[id(image)] for image in shown]
        grids = torch.as_tensor(processed["image_grid_thw"])
        patches = torch.as_tensor(processed["pixel_values"]).split(grids.prod(dim=-1).tolist())
        processed["pixel_values"] = torch.cat([patches[place] for place in order])
        processed["image_grid_thw"] = grids[order]
        return processed


def _flat(images: Any) -> Iterator[Any]:
    if isinstance(images, list | tuple):
        for part in images:
            yield from _flat(part)
    else:
        yield images
