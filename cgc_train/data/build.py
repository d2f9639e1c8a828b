"""Converts a release to a training dataset: ordered rows with the recipe's prompts and the paths of the image files.

Memory use does not grow with the number of images, because rows are streamed, images are stored as files, and all other
columns are memory-mapped.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from functools import partial
from importlib.metadata import version
from pathlib import Path

from datasets import Dataset

from cgc_data.common.errors import PhotoError
from cgc_data.common.progress import track
from cgc_data.release.read import Release
from cgc_data.release.rows import Row as ReleaseRow
from cgc_train.data.bounds import Bounds, bounds_of
from cgc_train.data.find import find_release, picked
from cgc_train.data.images import ImageStore
from cgc_train.data.rows import FIX, as_trained, check_row
from cgc_train.data.select import chosen, held_out
from cgc_train.data.table import Row, features, stored_table
from cgc_train.errors import TrainingDataError
from cgc_train.recipe import Recipe
from cgc_train.traces import completion


def training_set(
    recipe: Recipe,
    *,
    image_folder: Path,
    split: str | None = None,
    bounds: Bounds | None = None,
    completions: bool = False,
) -> Dataset:
    """The training rows of a recipe, in training order. For later epochs, see `epoch_order`.

    The columns are the same as in a release, with two differences. `prompt` also requests answer tags and, depending on
    the recipe, think tags. `images` contains paths of files in `image_folder`. The images in these files are resized to
    fit `bounds` (default: the bounds for the recipe's model). With `completions`, an additional column `completion` for
    SFT contains a rule-based reasoning trace and the ground-truth answer. Every process of a run can call this
    function. One process prepares the data, and the others wait.

    Raises ReleaseError if the release cannot be read, and TrainingDataError if the settings leave no row, or if a row
    or an image cannot be used.
    """
    release = find_release(recipe.data)
    ids = chosen(release, recipe.data, split or recipe.data.split)
    return _data_set(recipe, release, ids, image_folder, bounds, completions)


def held_out_set(recipe: Recipe, image_folder: Path, bounds: Bounds | None = None) -> Dataset:
    """Select about `held_out_rows` rows of the held-out split, in the format of `training_set`.

    Of the settings in `data`, only these have an effect: the release, the split, the number of rows, the pixel limit,
    and the location of the photos. All ablations of a recipe are therefore evaluated on the same rows.
    """
    release = find_release(recipe.data)
    ids = held_out(release, recipe.data.held_out_split, recipe.data.held_out_rows)
    whole = recipe.model_copy(update={"data": recipe.data.model_copy(update={"distractor_images": True})})
    return _data_set(whole, release, ids, image_folder, bounds, completions=False)


def _data_set(
    recipe: Recipe,
    release: Release,
    ids: Sequence[str],
    image_folder: Path,
    bounds: Bounds | None,
    completions: bool,
) -> Dataset:
    bounds = bounds or bounds_of(recipe)
    image_folder = image_folder.resolve()
    store = ImageStore(image_folder, bounds)
    folder = image_folder / "rows" / _key(recipe, release, ids, store, bounds, completions)
    rows = partial(_rows, recipe, release, ids, store, completions)
    table = stored_table(folder, features(completion=completions), rows)
    place = {identity: index for index, identity in enumerate(table.data["id"].to_pylist())}
    return table.select([place[identity] for identity in ids])


def _rows(recipe: Recipe, release: Release, ids: Sequence[str], store: ImageStore, completions: bool) -> Iterator[Row]:
    """Yield the rows to store, in the order of the release."""
    for row in track(picked(release, set(ids), recipe.data.photos), "images", total=len(ids)):
        check_row(row, release.folder)
        shown = as_trained(row, recipe)
        answered = {"completion": completion(shown, recipe.prompt)} if completions else {}
        yield {**shown, **answered, "images": _stored(shown, store, release)}


def _stored(row: ReleaseRow, store: ImageStore, release: Release) -> list[str]:
    paths = []
    for number, (image, view) in enumerate(zip(row["images"], row["views"], strict=True), 1):
        where = f"{release.folder}: row {row['id']}, image {number} ({view['file_name']})"
        try:
            paths.append(str(store.add(image["bytes"])))
        except PhotoError as error:
            raise TrainingDataError(f"{where}: damaged ({error}); {FIX}") from None
        except TrainingDataError as error:
            raise TrainingDataError(f"{where}: {error}") from None
    return paths


def _key(
    recipe: Recipe, release: Release, ids: Sequence[str], store: ImageStore, bounds: Bounds, completions: bool
) -> str:
    """The name of the folder in which the rows are stored. The name is a hash of everything that determines the
    rows.
    """
    content = {
        "version": version("cgc-grounding"),
        "shards": [shard["sha256"] for shard in release.manifest["shards"]],
        "ids": sorted(ids),
        "distractor_images": recipe.data.distractor_images,
        "think": recipe.prompt.think,
        "prefix": recipe.prompt.prefix if completions else "",
        "completions": completions,
        "bounds": asdict(bounds),
        "folder": str(store.folder),
        "photos": None if release.has_images else recipe.data.photos,
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:24]
