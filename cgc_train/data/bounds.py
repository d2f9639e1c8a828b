"""Computes the size at which the model sees an image.

Both sides are multiples of the side length of one image token (in pixels), and the area is within the model's limits.

The computation is the same as in Qwen3-VL's processor (and in vLLM's copy of it), so an image of this size is not
resized again.
"""

import math
from dataclasses import dataclass

from cgc_train.errors import TrainingDataError
from cgc_train.recipe import Recipe

# For elongated images, the processor's formula may need a few rounds until its result no longer changes.
MOST_ROUNDS = 8
MOST_ASPECT = 200  # largest ratio of the sides; the processor rejects more elongated images


@dataclass(frozen=True)
class Bounds:
    """The image sizes that a model accepts. Both sides are multiples of `factor` pixels. `min_pixels` and `max_pixels`
    limit the number of pixels per image.
    """

    factor: int = 32
    min_pixels: int = 65_536
    max_pixels: int = 409_600

    def __post_init__(self) -> None:
        if self.max_pixels < self.min_pixels:
            raise TrainingDataError(
                f"data.max_pixels={self.max_pixels} is too small, because the model's processor enlarges every image "
                f"to at least {self.min_pixels} pixels; set data.max_pixels to {self.min_pixels} or more"
            )

    def fits(self, width: int, height: int) -> bool:
        """Whether the processor and vLLM accept an image of this size without resizing it."""
        return self._processed(width, height) == (width, height)

    def size(self, width: int, height: int) -> tuple[int, int]:
        """Width and height, in pixels, at which an image is stored. An image is enlarged only if the processor would
        enlarge it.

        Raises TrainingDataError if the image is too elongated for the limits.
        """
        asked = width, height
        for _ in range(MOST_ROUNDS):
            if self.fits(width, height):
                return width, height
            width, height = self._processed(width, height)
        raise TrainingDataError(
            f"an image of {asked[0]} x {asked[1]} pixels cannot be resized to fit data.max_pixels={self.max_pixels}; "
            "raise data.max_pixels"
        )

    def _processed(self, width: int, height: int) -> tuple[int, int]:
        """Reimplements `smart_resize` of transformers' Qwen2-VL image processor, which Qwen3-VL also uses."""
        if max(width, height) > MOST_ASPECT * min(width, height):
            raise TrainingDataError(
                f"an image of {width} x {height} pixels is too elongated; exclude its row with data.keep"
            )
        new = [round(side / self.factor) * self.factor for side in (width, height)]
        if math.prod(new) > self.max_pixels:
            scale = math.sqrt(width * height / self.max_pixels)
            new = [max(self.factor, math.floor(s / scale / self.factor) * self.factor) for s in (width, height)]
        elif math.prod(new) < self.min_pixels:
            scale = math.sqrt(self.min_pixels / (width * height))
            new = [math.ceil(side * scale / self.factor) * self.factor for side in (width, height)]
        return new[0], new[1]


def bounds_of(recipe: Recipe) -> Bounds:
    """Compute the image size limits from the recipe's model and `data.max_pixels`.

    Raises ModelError if the model has no processor, and TrainingDataError if `data.max_pixels` is too small for the
    model.
    """
    from cgc_train.model import load_processor

    processor = load_processor(recipe.model, recipe.data.max_pixels).image_processor
    return Bounds(
        factor=processor.patch_size * processor.merge_size,
        min_pixels=processor.size["shortest_edge"],
        max_pixels=min(recipe.data.max_pixels, processor.size["longest_edge"]),
    )
