"""Opens and processes each image of a batch only once, even if the batch contains several copies of a prompt.

GRPO samples several completions per prompt. For each completion, TRL passes another copy of the prompt's images to the
processor.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from cgc_train.protocols import Processor


@contextmanager
def each_image_once(processor: Processor) -> Iterator[None]:
    """Context manager that makes a Qwen-VL processor open and process equal images only once.

    Images count as equal if they have the same path or are the same object.
    """
    whole = processor.image_processor
    processor.image_processor = _Once(whole)
    try:
        yield
    finally:
        processor.image_processor = whole


class _Once:
    """An image processor that reuses its output for equal images."""

    def __init__(self, wrapped: Any) -> None:
        self.wrapped = wrapped

    def __getattr__(self, name: str) -> Any:
        return getattr(self.wrapped, name)

    def fetch_images(self, images: Any) -> Any:
        """Open images, and return them in lists nested like the input. Equal paths become the same image object."""
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
        """Return the output of the wrapped processor: `pixel_values` (patches, values) and `image_grid_thw` (images,
        3).
        """
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
