"""Shared data for the checks of a recipe, and the findings that the checks report.

Each property of the context is computed on first access and then cached. If the computation fails, every access raises
the same CgcError. A check raises Unchecked if it cannot run on this machine.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Literal

from cgc_data.common.extras import need
from cgc_data.release.read import Release
from cgc_data.release.rows import Row
from cgc_data.release.schema import FEATURES
from cgc_train.check import batch
from cgc_train.check.memory import LARGEST_IMAGE
from cgc_train.check.planned import Longest
from cgc_train.check.shape import ModelShape, measure
from cgc_train.check.tokens import prompt_tokens
from cgc_train.data import Bounds, as_trained, check_row, find_release
from cgc_train.data.select import chosen, held_out
from cgc_train.errors import ModelError
from cgc_train.model.processor import within_reach
from cgc_train.protocols import GrpoArguments, ModelConfig, Processor
from cgc_train.recipe import Recipe

COLUMNS = [name for name in FEATURES if name != "images"]
# Models that have the same architecture and published sizes.
PUBLISHED_8B = ("Qwen/Qwen3-VL-8B-Instruct", "Qwen/Qwen3-VL-8B-Thinking")
Status = Literal["ok", "warning", "failed", "not checked"]


@dataclass(frozen=True)
class Finding:
    """One line of the report. `value` is the measured number, and `bound` is its limit. Both values are None if the
    check measures nothing.
    """

    status: Status
    message: str
    mend: str = ""
    value: float | None = None
    bound: float | None = None
    details: Mapping[str, float] = field(default_factory=dict)
    check: str = ""

    @property
    def line(self) -> str:
        """The message and, if something is wrong, the suggested fix."""
        return f"{self.message}; {self.mend}" if self.mend else self.message


class Unchecked(Exception):
    """Raised if a check cannot run on this machine. The error message states what is missing."""


def ok(message: str, value: float | None = None, bound: float | None = None) -> Finding:
    """Report that the check passed."""
    return Finding("ok", message, value=value, bound=bound)


def warning(message: str, fix: str, value: float | None = None, bound: float | None = None) -> Finding:
    """Report that the run would probably work, but has a known risk, such as little free memory."""
    return Finding("warning", message, fix, value, bound)


def failed(message: str, fix: str, value: float | None = None, bound: float | None = None) -> Finding:
    """Report that the run would crash, or would not train as the recipe intends."""
    return Finding("failed", message, fix, value, bound)


def gigabytes(size: float) -> str:
    """Format a number of bytes in gigabytes (10^9 bytes), such as `0.003 GB`, `2.1 GB`, or `116 GB`."""
    value = size / 1e9
    return f"{value:,.0f} GB" if value >= 10 else f"{value:.2g} GB"


def not_checked(message: str) -> Finding:
    """Report that the check cannot run on this machine."""
    return Finding("not checked", message)


@dataclass(frozen=True)
class Context:
    """A recipe, the folder of its run, and all data that the checks derive from them.

    `step_seconds` is the time limit of the trial training step. 0 skips this step.
    """

    recipe: Recipe
    folder: Path = Path("runs")
    step_seconds: float = 0

    @cached_property
    def config(self) -> GrpoArguments:
        """TRL's GRPOConfig; see `cgc_train.check.batch.arguments`."""
        need("train")
        return batch.arguments(self.recipe)

    @cached_property
    def batch(self) -> batch.Batch:
        """The batch arithmetic."""
        return batch.batch(self.recipe, self.config)

    @cached_property
    def release(self) -> Release:
        """The release that the recipe trains on. A release on the Hub is downloaded first."""
        return find_release(self.recipe.data)

    @cached_property
    def ids(self) -> frozenset[str]:
        """Ids of the training rows."""
        return frozenset(chosen(self.release, self.recipe.data, self.recipe.data.split))

    @cached_property
    def held_out(self) -> frozenset[str]:
        """Ids of the held-out rows. Empty if the run has no evaluations."""
        data = self.recipe.data
        rows = data.held_out_rows if data.held_out_every else 0
        return frozenset(held_out(self.release, data.held_out_split, rows) if rows else ())

    def rows(self) -> Iterator[Row]:
        """Stream the training rows, and check each one for consistency. Images are not read."""
        return self._read(self.recipe, self.recipe.data.split, self.ids)

    def all_rows(self) -> Iterator[Row]:
        """Stream the training rows, and then the held-out rows.

        Held-out rows keep all of their images, even if the recipe removes distractor images from training rows.
        """
        yield from self.rows()
        whole = self.recipe.model_copy(update={"data": self.recipe.data.model_copy(update={"distractor_images": True})})
        yield from self._read(whole, self.recipe.data.held_out_split, self.held_out)

    def _read(self, recipe: Recipe, split: str, ids: frozenset[str]) -> Iterator[Row]:
        for row in self.release.rows(COLUMNS, split=split) if ids else ():
            if row["id"] in ids:
                check_row(row, self.release.folder)
                yield as_trained(row, recipe)

    @cached_property
    def processor(self) -> Processor | None:
        """The model's processor, or None if the model is in `PUBLISHED_8B` and its processor is not available."""
        need("train")
        from cgc_train.model import load_processor

        model = self.recipe.model
        if self._within_reach("preprocessor_config.json"):
            return load_processor(model, self.recipe.data.max_pixels)
        return None

    @cached_property
    def bounds(self) -> Bounds:
        """The limits on the sizes of the images that the model sees. If the processor is not available, the limits of
        Qwen3-VL are used.
        """
        return _bounds(self.processor, self.recipe.data.max_pixels)

    @cached_property
    def own_bounds(self) -> Bounds:
        """The image size limits that the model's own configuration sets. A vLLM server uses them by default."""
        if self.processor is None:
            return _bounds(None, LARGEST_IMAGE)
        from cgc_train.model import load_processor

        return _bounds(load_processor(self.recipe.model), LARGEST_IMAGE)

    @cached_property
    def model_config(self) -> ModelConfig:
        """The model's configuration. If the configuration of Qwen3-VL-8B cannot be downloaded, the copy in this
        package is used.
        """
        need("train")
        from cgc_train.model import load_config, qwen3_vl_8b_config

        model = self.recipe.model
        return load_config(model) if self._within_reach("config.json") else qwen3_vl_8b_config()

    @cached_property
    def shape(self) -> ModelShape:
        """The parameter counts and layer sizes of the model, determined on PyTorch's meta device."""
        return measure(self.model_config)

    @cached_property
    def prompts(self) -> list[tuple[int, str]]:
        """Token count and row id of every prompt. The longest prompt comes first."""
        count = partial(prompt_tokens, token_pixels=self.bounds.factor, processor=self.processor)
        found = [(count(row["prompt"], self.sizes(row)), row["id"]) for row in self.all_rows()]
        return sorted(found, key=lambda entry: (-entry[0], entry[1]))

    @cached_property
    def longest(self) -> Longest:
        """The length of the longest prompt, and the largest number of image patches that one row contains."""
        pixels = max(sum(width * height for width, height in self.sizes(row)) for row in self.all_rows())
        return Longest(self.prompts[0][0], pixels // self.shape.patch**2)

    def _within_reach(self, file: str) -> bool:
        """Whether a file of the model is available.

        If the file is not available, the result is False for the models in `PUBLISHED_8B`, because this package
        contains the values that the checks need. For all other models, the function raises ModelError.
        """
        name = self.recipe.model.name
        if within_reach(name, self.recipe.model.revision, file):
            return True
        if name in PUBLISHED_8B:
            return False
        raise ModelError(
            f"{name}: no such folder, and the Hub does not respond or HF_HUB_OFFLINE is set; pass a model folder "
            "(`cgc-train tiny demo/tiny` writes the tiny one), or connect to a network and unset HF_HUB_OFFLINE"
        )

    def sizes(self, row: Row) -> list[tuple[int, int]]:
        """Width and height, in pixels, at which the model sees each image of a row."""
        return [self.bounds.size(view["width"], view["height"]) for view in row["views"]]


def _bounds(processor: Processor | None, max_pixels: int) -> Bounds:
    if processor is None:
        return Bounds(max_pixels=max_pixels)
    images = processor.image_processor
    return Bounds(
        factor=images.patch_size * images.merge_size,
        min_pixels=images.size["shortest_edge"],
        max_pixels=min(max_pixels, images.size["longest_edge"]),
    )
