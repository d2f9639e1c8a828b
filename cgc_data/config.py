"""The configuration of a build: every setting with its default, bounds, and description.

You can set values in a YAML file, with flags, or as dotted `key=value` pairs. The manifest contains the resolved
configuration. Settings that do not affect the result, such as the number of workers and the output folder, are not part
of the configuration.
"""

from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import Field, ValidationInfo, field_validator, model_validator

from cgc_data.common.errors import ConfigError
from cgc_data.common.settings import Section, Share, Values, Weight, merge, read_settings, read_yaml
from cgc_data.geometry import BoxFormat
from cgc_data.sources.clean import Part
from cgc_data.sources.formats import Kind
from cgc_data.tasks import PLANNED, PRESETS, Preset, check_ids
from cgc_data.tasks.former import refuse_former

RENAMED = {"licences": "licenses"}  # former names of settings, accepted for one version

Orientation = Literal["as_stored", "as_displayed"]
ORIENTATIONS: tuple[Orientation, ...] = get_args(Orientation)


class Source(Section):
    """One annotation file with its photos."""

    kind: Kind = Field(description="schema of the annotation file")
    annotations: str = Field(description="the annotation file")
    images: str = Field(description="folder or .zip with the photos")
    exhaustive: bool | list[str] | None = Field(
        None,
        description=(
            "true: every instance of every category in the file is boxed; a list: every instance of these "
            "categories is boxed; null: same as true if the file has exactly COCO's 80 categories, otherwise false"
        ),
    )
    bbox_format: BoxFormat | None = Field(
        None,
        description=(
            "format of the boxes: xywh (as in COCO), xyxy, cxcywh (center), or yxhw; add _normalized to one of the "
            "first three if coordinates are fractions of the photo's width and height; null: xywh, but the build fails "
            "if many boxes then extend beyond their photos"
        ),
    )
    ignore: list[Part] = Field(
        default_factory=list,
        description=(
            "ignore these faulty parts of the file: masks (use only boxes), crowd (treat every crowd box as one "
            "object), duplicates (merge objects that are annotated twice)"
        ),
    )
    orientation: Orientation | None = Field(
        None,
        description=(
            "as_stored: boxes fit the photos before EXIF rotation; as_displayed: boxes fit the photos after EXIF "
            "rotation; null: as_stored, but the build fails unless the photo sizes confirm this for every rotated photo"
        ),
    )
    split: Literal["auto", "test"] = Field(
        "auto", description=("test: hold out all photos of this source for the test split")
    )

    @property
    def displayed(self) -> bool:
        """Whether the boxes refer to the photos after EXIF rotation."""
        return self.orientation == "as_displayed"


class InterSettings(Section):
    """Settings for samples with several photos."""

    hard: Share = Field(
        0.3,
        description=(
            "share of photo sets whose scenes are similar; in all other sets, the scenes have little in common"
        ),
    )
    min_images: int = Field(2, ge=2, le=6, description="minimum photos per sample")
    max_images: int = Field(6, ge=2, le=6, description="maximum photos per sample")
    decoupled_similarity: Share = Field(
        0.25, description="two scenes count as different if the cosine of their category vectors is below this value"
    )
    hard_similarity: Share = Field(
        0.3,
        description=(
            "scenes count as similar if the mean cosine of their category and supercategory vectors is at least this "
            "value"
        ),
    )

    @model_validator(mode="after")
    def _ordered(self) -> "InterSettings":
        if self.min_images > self.max_images:
            raise ValueError("min_images is larger than max_images")
        return self


class IntraSettings(Section):
    """Settings for samples with several windows of one photo."""

    min_views: int = Field(2, ge=2, le=6, description="minimum number of windows for questions about a set of windows")
    max_views: int = Field(4, ge=2, le=6, description="maximum number of windows for questions about a set of windows")
    track_views: int = Field(
        6,
        ge=2,
        le=6,
        description=("maximum number of windows for questions that follow one object through several windows"),
    )
    drawn_box: Share = Field(
        0.25,
        description=(
            "in this share of the questions that follow one object through three or more windows, the reference box is "
            "also drawn in red onto the reference image"
        ),
    )
    min_cover: float = Field(
        0.03,
        gt=0,
        le=1,
        description=(
            "the target's box covers at least this share of the area of a Focus View (the narrower of two windows)"
        ),
    )
    max_cover: Share = Field(0.5, description="the target's box covers at most this share of the area of a Focus View")
    context_scale: float = Field(
        1.25,
        ge=1,
        description="a Context View (the wider window) is at least this many times as wide as the Focus View",
    )
    view_sizes: list[Annotated[int, Field(ge=64, le=4096)]] = Field(
        [384, 448, 512, 576, 640],
        min_length=1,
        description=("the longer side of a displayed window has one of these lengths, in pixels"),
    )
    jpeg_quality: int = Field(
        92, ge=50, le=100, description="JPEG quality of windows, unless a task draws it at random"
    )

    @model_validator(mode="after")
    def _ordered(self) -> "IntraSettings":
        if self.min_views > self.max_views:
            raise ValueError("min_views is larger than max_views")
        if self.min_cover > self.max_cover:
            raise ValueError("min_cover is larger than max_cover")
        return self


class Limits(Section):
    """Requirements that a box and its view must meet to be used in a question."""

    min_side: float = Field(
        24,
        ge=1,
        description=(
            "minimum length of a box's shorter side, in pixels; measured both in the photo and in the view after the "
            "view is scaled to the pixel budget"
        ),
    )
    min_area: Share = Field(0.002, description="minimum area of a box as a share of the view")
    max_aspect: float = Field(5, ge=1, description="maximum ratio of a box's longer side to its shorter side")
    max_objects: int = Field(8, ge=1, description="maximum objects per answer")
    enlargement: float = Field(
        2, ge=1, description="maximum factor by which a window (a crop of a photo) may be enlarged"
    )
    rows_per_photo: int = Field(
        12, ge=2, description=("a photo may appear in at most this many rows of each task, in any role")
    )
    pixel_budget: int = Field(
        640 * 640,
        ge=1024,
        description=("pixel budget per view; size limits treat a larger view as if it were scaled down to this budget"),
    )
    visible: Share = Field(
        0.5, description="an instance counts as visible in a window if at least this share of its mask area is inside"
    )
    margin: int = Field(
        8,
        ge=0,
        description=(
            "an instance counts as out of view if the window, expanded by this many pixels, contains none of its mask"
        ),
    )


class Splits(Section):
    """Settings for assigning photos to splits. The splits do not depend on the seed or the number of samples. A new
    source can move a photo to another split only if the source contains a near-duplicate of the photo.
    """

    validation: Share = Field(
        0.05, description=("of the photos that are not in COCO val2017, the share that goes into the validation split")
    )
    salt: str = Field(
        "cgc-v1", description="seed for assigning photos to splits; use the same seed for every version of a release"
    )
    near_duplicate: int = Field(
        4,
        ge=0,
        le=12,
        description=(
            "photos count as near-duplicates if their 64-bit perceptual hashes differ in at most this many bits"
        ),
    )


class BuildConfig(Section):
    """Every setting that determines the contents of a release."""

    name: str = Field("cgc-contrast", description="name of the dataset")
    sources: list[Source] = Field(
        default_factory=list,
        description=("annotation files and their photos; an empty list selects the embedded sample"),
    )
    samples: int = Field(1000, ge=1, le=10**8, description="approximate number of rows in the release")
    seed: int = Field(0, ge=0, description="random seed of the build; it does not affect the splits (see splits.salt)")
    preset: Preset = Field(
        "full",
        description=(
            "default shares of the tasks: full (every task that the sources allow) or paper (the paper's four tasks)"
        ),
    )
    tasks: dict[str, Weight] = Field(
        default_factory=dict,
        validate_default=True,
        description=(
            "relative share of rows per task, including paired rows with an empty answer; tasks that are not listed "
            "keep the share of the preset"
        ),
    )
    absent: float = Field(0.12, ge=0, le=0.15, description="share of rows whose answer is the empty list")
    named_image: Share = Field(
        0.5,
        description=(
            "share of rows whose question names the image that contains the answer, in each task that has such "
            "questions; a question that follows one object through two windows always names the image"
        ),
    )
    category_temperature: Share = Field(
        0.5,
        description=(
            "0: ask for every category equally often; 1: ask for a category in proportion to how often it occurs"
        ),
    )
    inter: InterSettings = InterSettings()
    intra: IntraSettings = IntraSettings()
    limits: Limits = Limits()
    splits: Splits = Splits()
    confusable: Literal["strict", "labeled"] = Field(
        "strict",
        description=(
            "strict: a label counts as absent only if all confusable categories are also absent; labeled: only the "
            "confusable categories that a source lists must also be absent"
        ),
    )
    categories: list[str] = Field(
        default_factory=list, description=("ask only for these categories; empty list: all categories")
    )
    licenses: Literal["all", "permissive", "noncommercial"] = Field(
        "all", description="use only photos with these licenses"
    )
    exclude: list[str] = Field(
        default_factory=list,
        description=("exclude the photos in these files: lists of ids or file names, or annotations of benchmarks"),
    )
    exclude_like: list[str] = Field(
        default_factory=list, description="exclude near-duplicates of the photos in these folders"
    )
    images: Literal["embed", "reference"] = Field(
        "embed",
        description=("embed: store the images; reference: store no images, so readers compose them from the photos"),
    )
    max_rejected: Share = Field(
        0.05, description=("the build fails if more than this share of the rows cannot be rendered")
    )
    shard_rows: int = Field(
        200,
        ge=1,
        description="approximate number of rows per shard; all questions about one photo set are in the same shard",
    )

    @field_validator("sources")
    @classmethod
    def _distinct(cls, sources: list[Source]) -> list[Source]:
        seen = [(s.kind, s.annotations) for s in sources]
        if len(set(seen)) < len(seen):
            raise ValueError("the same annotation file is listed twice; remove one entry")
        return sources

    @field_validator("tasks")
    @classmethod
    def _shares(cls, tasks: dict[str, float], known: ValidationInfo) -> dict[str, float]:
        check_ids(tasks, PLANNED)
        shares = PRESETS[known.data.get("preset", "full")] | tasks
        if not sum(shares.values()):
            raise ValueError(f"every task has share 0; set at least one share above 0, such as tasks.{PLANNED[0]}=1")
        return shares

    def requires(self, task: str) -> bool:
        """Whether the build fails if no row of the task can be made from the sources. This is true for the tasks of the
        preset `paper`, and for tasks to which the chosen preset gives a different share.
        """
        return bool(PRESETS["paper"][task]) or self.tasks[task] != PRESETS[self.preset][task]

    @property
    def shares(self) -> dict[str, float]:
        """Share of rows by task, in task order; the shares sum to 1."""
        total = sum(self.tasks.values())
        return {task: self.tasks[task] / total for task in PLANNED}


def load_config(path: Path | None, overrides: Values) -> BuildConfig:
    """Load the configuration from a YAML file, or use the defaults if there is no file. Then apply the overrides, which
    are nested like the YAML file.

    Raises ConfigError for an unreadable file, a bad value, or an unknown key. For an unknown key, the error names the
    most similar known key.
    """
    values = current_names(read_yaml(path), str(path)) if path else {}
    if path:
        parse_config(values, origin=str(path))  # so that an error names the file that contains the bad value
    return parse_config(merge(values, current_names(overrides, "command line")), origin="command line")


def parse_config(values: Values, origin: str) -> BuildConfig:
    """Validate nested values; error messages name `origin`, the source of the values."""
    refuse_former(values, origin)
    return read_settings(BuildConfig, current_names(values, origin), origin)


def current_names(values: Values, origin: str) -> Values:
    """Replace the former spellings of `licenses` and `labeled` with the current spellings, and return the new values.

    Raises ConfigError if a setting is given in both spellings.
    """
    former = [name for name in RENAMED if name in values]
    for name in former:
        if RENAMED[name] in values:
            raise ConfigError(f"{origin}: {name} is the former name of {RENAMED[name]}; give {RENAMED[name]} alone")
    renamed = {RENAMED.get(name, name): value for name, value in values.items()}
    return renamed | ({"confusable": "labeled"} if renamed.get("confusable") == "labelled" else {})
