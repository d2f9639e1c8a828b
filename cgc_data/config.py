"""Configuration of a build: every setting with its default, its bounds and what it does.

One YAML file, flags or dotted `key=value` pairs say the same things; the resolved configuration goes into the manifest.
Settings that do not change the result (workers, output folder) are not part of it.
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
        description="is every instance of every category (or of those listed) boxed? null: only COCO's 80 are",
    )
    bbox_format: BoxFormat | None = Field(
        None,
        description="xywh (COCO's), xyxy, cxcywh (center) or yxhw, the first three also as shares of the photo with "
        "_normalized; null: xywh, unless many boxes leave their photos",
    )
    ignore: list[Part] = Field(
        default_factory=list,
        description="what is wrong in the file and stays unread: masks (boxes alone count), crowd (its flags: all are "
        "single objects), duplicates (of objects annotated twice)",
    )
    orientation: Orientation | None = Field(
        None,
        description="what boxes follow if EXIF turns a photo: as_stored or as_displayed; null: as_stored, where sure",
    )
    split: Literal["auto", "test"] = Field("auto", description="test: all photos of this source are held out")

    @property
    def displayed(self) -> bool:
        """Do its boxes follow its photos as EXIF has them displayed?"""
        return self.orientation == "as_displayed"


class InterSettings(Section):
    """Samples of several photos."""

    hard: Share = Field(
        0.3, description="share of photo sets made of similar scenes; the others are semantically decoupled"
    )
    min_images: int = Field(2, ge=2, le=6, description="fewest photos in a sample")
    max_images: int = Field(6, ge=2, le=6, description="most photos in a sample")
    decoupled_similarity: Share = Field(
        0.25, description="cosine of category vectors at which two scenes stop being far apart"
    )
    hard_similarity: Share = Field(
        0.3, description="mean cosine of category and supercategory vectors from which two scenes are similar"
    )

    @model_validator(mode="after")
    def _ordered(self) -> "InterSettings":
        if self.min_images > self.max_images:
            raise ValueError("min_images is larger than max_images")
        return self


class IntraSettings(Section):
    """Samples of several windows of one photo."""

    min_views: int = Field(2, ge=2, le=6, description="fewest windows in a set question")
    max_views: int = Field(4, ge=2, le=6, description="most windows in a set question")
    track_views: int = Field(6, ge=2, le=6, description="most windows through which one object is followed")
    drawn_box: Share = Field(0.25, description="share of tracks whose given box is also drawn into its image, in red")
    min_cover: float = Field(
        0.03, gt=0, le=1, description="smallest share of a Focus View that its object's box covers"
    )
    max_cover: Share = Field(0.5, description="largest share of a Focus View that its object's box covers")
    context_scale: float = Field(
        1.25, ge=1, description="a Context View is at least this many times as wide as the Focus View"
    )
    view_sizes: list[Annotated[int, Field(ge=64, le=4096)]] = Field(
        [384, 448, 512, 576, 640], min_length=1, description="longer sides of the shown views, pixels"
    )
    jpeg_quality: int = Field(92, ge=50, le=100, description="quality at which windows are encoded")

    @model_validator(mode="after")
    def _ordered(self) -> "IntraSettings":
        if self.min_views > self.max_views:
            raise ValueError("min_views is larger than max_views")
        if self.min_cover > self.max_cover:
            raise ValueError("min_cover is larger than max_cover")
        return self


class Limits(Section):
    """What a box, and the view that shows it, must be like to be asked for."""

    min_side: float = Field(
        24, ge=1, description="shorter side of a box, pixels of its photo, and of the view after the pixel budget"
    )
    min_area: Share = Field(0.002, description="area of a box as a share of the view")
    max_aspect: float = Field(5, ge=1, description="longer side of a box over its shorter side")
    max_objects: int = Field(8, ge=1, description="most objects in an answer")
    enlargement: float = Field(2, ge=1, description="most times that a window is enlarged when it is shown")
    rows_per_photo: int = Field(12, ge=2, description="rows of one task that may show a photo, in any role")
    pixel_budget: int = Field(
        640 * 640, ge=1024, description="pixels of a view that the model sees; larger views count as shrunk to it"
    )
    visible: Share = Field(
        0.5, description="share of an instance's mask area from which it counts as visible in a window"
    )
    margin: int = Field(
        8, ge=0, description="an instance is gone if the window grown by this many pixels holds none of its mask"
    )


class Splits(Section):
    """How photos are divided; independent of seed, sample count and other sources."""

    validation: Share = Field(0.05, description="share of the photos outside COCO val2017 that go to validation")
    salt: str = Field(
        "cgc-v1", description="changing it makes another division: never do so within one line of releases"
    )
    near_duplicate: int = Field(
        4, ge=0, le=12, description="bits of a 64-bit perceptual hash in which near-duplicates may differ"
    )


class BuildConfig(Section):
    """All that decides what a release holds."""

    name: str = Field("cgc-contrast", description="name of the data set")
    sources: list[Source] = Field(default_factory=list, description="annotation files; none: the embedded sample")
    samples: int = Field(1000, ge=1, le=10**8, description="rows in the release")
    seed: int = Field(0, ge=0, description="the one seed")
    preset: Preset = Field(
        "full",
        description="shares of the tasks: full (all that the sources allow) or paper (the paper's four)",
    )
    tasks: dict[str, Weight] = Field(
        default_factory=dict,
        validate_default=True,
        description="share of rows per task, empty twins included, relative to their sum; tasks not named keep the "
        "preset's",
    )
    absent: float = Field(0.12, ge=0, le=0.15, description="share of rows whose answer is the empty list")
    named_image: Share = Field(
        0.5, description="share of rows that name the image of the answer, of tasks that ask with and without it"
    )
    category_temperature: Share = Field(0.5, description="0: every category equally often; 1: as often as it occurs")
    inter: InterSettings = InterSettings()
    intra: IntraSettings = IntraSettings()
    limits: Limits = Limits()
    splits: Splits = Splits()
    confusable: Literal["strict", "labeled"] = Field(
        "strict",
        description="absence needs absence of every confusable category (strict), or of those that some source labels",
    )
    categories: list[str] = Field(default_factory=list, description="ask only for these categories; none: all")
    licenses: Literal["all", "permissive", "noncommercial"] = Field(
        "all", description="photos to build from, by license"
    )
    exclude: list[str] = Field(
        default_factory=list, description="files of photo ids, file names or a benchmark's annotations"
    )
    exclude_like: list[str] = Field(
        default_factory=list, description="folders of photos whose near-duplicates are left out"
    )
    images: Literal["embed", "reference"] = Field("embed", description="store the views, or only how to compose them")
    max_rejected: Share = Field(0.05, description="share of rows that may fail in rendering before the build fails")
    shard_rows: int = Field(
        200, ge=1, description="rows in a shard, about: questions about one set of photos stay together"
    )

    @field_validator("sources")
    @classmethod
    def _distinct(cls, sources: list[Source]) -> list[Source]:
        seen = [(s.kind, s.annotations) for s in sources]
        if len(set(seen)) < len(seen):
            raise ValueError("an annotation file is given twice")
        return sources

    @field_validator("tasks")
    @classmethod
    def _shares(cls, tasks: dict[str, float], known: ValidationInfo) -> dict[str, float]:
        check_ids(tasks, PLANNED)
        shares = PRESETS[known.data.get("preset", "full")] | tasks
        if not sum(shares.values()):
            raise ValueError(f"every task has share 0; raise one, such as tasks.{PLANNED[0]}=1")
        return shares

    def requires(self, task: str) -> bool:
        """Whether a source that allows no row of the task is an error: it is the paper's, or was named by the user."""
        return bool(PRESETS["paper"][task]) or self.tasks[task] != PRESETS[self.preset][task]

    @property
    def shares(self) -> dict[str, float]:
        """Share of the rows by task, in the order of the tasks; they add up to 1."""
        total = sum(self.tasks.values())
        return {task: self.tasks[task] / total for task in PLANNED}


def load_config(path: Path | None, overrides: Values) -> BuildConfig:
    """Configuration from a YAML file (or the defaults) with overrides, nested like the YAML.

    Raises ConfigError for a file that cannot be read, an unknown key (with the nearest known one) or a bad value.
    """
    values = current_names(read_yaml(path), str(path)) if path else {}
    if path:
        parse_config(values, origin=str(path))  # so that a fault is put down to where it was written
    return parse_config(merge(values, current_names(overrides, "command line")), origin="command line")


def parse_config(values: Values, origin: str) -> BuildConfig:
    """Validate nested values; `origin` names where they came from in the error."""
    refuse_former(values, origin)
    return read_settings(BuildConfig, current_names(values, origin), origin)


def current_names(values: Values, origin: str) -> Values:
    """The values with `licenses` and `labeled` in the spelling of this version, which accepts the former one too.

    Raises ConfigError if a setting is given in both.
    """
    former = [name for name in RENAMED if name in values]
    for name in former:
        if RENAMED[name] in values:
            raise ConfigError(f"{origin}: {name} is the former name of {RENAMED[name]}; give {RENAMED[name]} alone")
    renamed = {RENAMED.get(name, name): value for name, value in values.items()}
    return renamed | ({"confusable": "labeled"} if renamed.get("confusable") == "labelled" else {})
