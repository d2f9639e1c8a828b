"""Tests whether pasting leaves image artifacts that reveal the answer of `intra/difference`: the object that only one
of two images shows.

Usage: python benchmarks/paste_artifacts.py RELEASE [--crops 4000] [--seed 0] [--by trees network] [--docs docs --photos
       painted]

RELEASE contains rows of `intra/difference` with their images. It must contain enough rows for `--crops`. If you have
few photos, build the release with `limits.rows_per_photo=1000`. In the image that contains the answer, the script crops
every pasted object. Two classifiers, fitted to some photos and tested on others, try to find the crop that is the
answer. One classifier consists of boosted trees on residual noise, edges, and JPEG blocks inside and around the object.
The other is a small convolutional network on the pixels of the crop. AUC is computed over pairs of crops within one
image. As a control, the script then slightly blurs the object in each crop that is the answer. The classifiers must
detect this planted artifact. With --docs, the figures are written to measured.json in that folder, and a table to
validate.md. --photos states whether the photos are `painted` or `real`. Each classifier must pass two tests. With
planted artifacts, its AUC must be at least 0.9. Without them, the upper end of the AUC's confidence interval must be at
most 0.58. If a classifier fails a test, the script exits with status 1.
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import GroupKFold

from cgc_data import open_release
from cgc_data.release.manifest import read_manifest
from cgc_data.release.rows import PartRow, Row, ViewRow
from cgc_data.tasks import task_of
from cgc_data.validate.report import Interval
from cgc_data.validate.run import open_sources
from cgc_data.validate.statistics import clustered_auc
from cgc_data.validate.world import World
from cgc_data.vocabulary import load_relations

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks import measured  # noqa: E402
from benchmarks.paste_network import held_out_scores, patches  # noqa: E402
from scripts.markdown import table  # noqa: E402

NAME = "paste_artifacts"
MOST_AUC, LEAST_PLANTED = 0.58, 0.9
MARGIN = 12  # pixels around an object that a crop includes
BLUR = 0.8  # standard deviation of the planted artifact, pixels
FOLDS = 5
BLOCK = 8  # side of a JPEG block, pixels
BANDS = np.add.outer(np.arange(BLOCK), np.arange(BLOCK))  # frequency of each coefficient of a block, 0-14

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float64]
Way = Callable[[Sequence["Crop"], NDArray[np.bool_], int], Floats]


@dataclass(frozen=True)
class Crop:
    """A crop from an image: an object with its surroundings, aligned to JPEG blocks."""

    row: int
    photo: str
    is_answer: bool
    pixels: Pixels  # (height, width, 3)
    inside: tuple[int, int, int, int]  # x1, y1, x2, y2 of the object in the crop


def main() -> None:
    """Measure, print, and exit with status 1 if a classifier fails a test."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("release", type=Path)
    parser.add_argument("--crops", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--by", nargs="+", choices=WAYS, default=list(WAYS))
    parser.add_argument("--docs", type=Path, help="folder in which to write measured.json and the table in validate.md")
    parser.add_argument("--photos", choices=["painted", "real"], default="painted", help="kind of photos shown")
    given = parser.parse_args()
    crops = list(read_crops(given.release, given.crops))
    if len(crops) < given.crops:
        sys.exit(f"{given.release}: {len(crops)} crops, fewer than {given.crops}; build more rows of intra/difference")
    photos = len({crop.photo for crop in crops})
    print(f"{len(crops)} crops of {len({crop.row for crop in crops})} rows from {photos} photos", flush=True)
    found = [measure(crops, way, given.seed) | {"photos": given.photos} for way in given.by]
    if given.docs:
        keep(given.docs, found)
    sys.exit(not all(map(holds, found)))


def measure(crops: list["Crop"], way: str, seed: int) -> dict[str, Any]:
    """AUC of a classifier on the crops as built, and on the crops with the planted artifact."""
    honest, planted = (told(crops, WAYS[way], seed, planted=planted) for planted in (False, True))
    for name, (auc, (low, high)) in (("as built", honest), ("answers blurred", planted)):
        print(f"{way}, {name}: AUC {auc:.3f} [{low:.3f}, {high:.3f}]", flush=True)
    rows, shown = len({crop.row for crop in crops}), len({crop.photo for crop in crops})
    counts = {"crops": len(crops), "rows": rows, "from": shown}
    return {"by": way, **counts, "as built": [honest[0], *honest[1]], "planted": [planted[0], *planted[1]]}


def holds(one: dict[str, Any]) -> bool:
    """Whether a classifier passes both tests: it finds blurred answers, but cannot find unblurred answers."""
    return bool(one["as built"][2] <= MOST_AUC and one["planted"][0] >= LEAST_PLANTED)


def keep(docs: Path, found: Sequence[dict[str, Any]]) -> None:
    """Store the figures. Figures already stored for other photos or classifiers are kept."""
    kept = measured.read(docs, NAME) | {f"{one['photos']}, {one['by']}": one for one in found}
    measured.keep(docs, NAME, "validate.md", kept, shown(kept))


def shown(kept: dict[str, Any]) -> str:
    """One line for each combination of photos (painted or real) and classifier."""
    return table(
        ["photos", "by", "crops", "rows", "AUC as built", "AUC if answers are blurred"],
        [
            [
                f"{one['from']:,} {one['photos']}",
                one["by"],
                f"{one['crops']:,}",
                f"{one['rows']:,}",
                measured.with_interval(one["as built"]),
                measured.with_interval(one["planted"]),
            ]
            for _, one in sorted(kept.items())
        ],
    )


def read_crops(folder: Path, most: int) -> Iterator[Crop]:
    """Yield the crops row by row, and stop after the row that reaches `most` crops."""
    world = World(open_sources(folder, read_manifest(folder), ()), load_relations())
    count = 0
    for number, row in enumerate(open_release(folder).rows(images=True)):
        if count >= most:
            return
        if task_of(row).draws_quality and row["objects"]:
            found = list(crops_of(row, number, world))
            count += len(found)
            yield from found


def crops_of(row: Row, number: int, world: World) -> Iterator[Crop]:
    """Crops of every pasted object in the image that contains the answer."""
    (target,) = row["objects"]
    place = target["img_idx"] - 1
    view = row["views"][place]
    image = cv2.imdecode(np.frombuffer(row["images"][place]["bytes"], np.uint8), cv2.IMREAD_COLOR)
    for part in view["parts"][1:]:
        x1, y1, x2, y2 = box_of(part, view, world.sources[part["source"]].size(part["image_id"]))
        left, top = ((max(low - MARGIN, 0) // BLOCK) * BLOCK for low in (x1, y1))
        shown = image[top : y2 + MARGIN, left : x2 + MARGIN]
        is_answer = part["annotation_id"] == target["annotation_id"]
        inside = (x1 - left, y1 - top, x2 - left, y2 - top)
        yield Crop(number, f"{view['source']}:{view['image_id']}", is_answer, np.asarray(shown, np.uint8), inside)


def box_of(part: PartRow, view: ViewRow, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Box of a pasted object in whole pixels of the view. `size` is the (width, height) of the photo from which the
    object was copied.
    """
    x, y, width, height = coco_mask.toBbox({"size": size[::-1], "counts": part["mask"].encode()}).tolist()
    scale, _, right, _, _, down = part["transform"]
    left, top, end, bottom = view["window"]
    across, lower = view["width"] / (end - left), view["height"] / (bottom - top)
    x1, x2 = ((value * scale + right - left) * across for value in (x, x + width))
    y1, y2 = ((value * scale + down - top) * lower for value in (y, y + height))
    return max(int(x1), 0), max(int(y1), 0), int(np.ceil(x2)), int(np.ceil(y2))


def told(crops: list[Crop], scores_of: Way, seed: int, *, planted: bool) -> tuple[float, Interval]:
    """AUC of the held-out scores, computed over pairs of crops from the same image, and its confidence interval. The
    bootstrap resamples rows.
    """
    shown = [blurred(crop) if planted and crop.is_answer else crop for crop in crops]
    truths = np.array([crop.is_answer for crop in crops])
    rows = np.unique([crop.row for crop in crops], return_inverse=True)[1].astype(np.int64)
    return clustered_auc(scores_of(shown, truths, seed), truths, rows, rows)


def by_trees(crops: Sequence[Crop], truths: NDArray[np.bool_], seed: int) -> Floats:
    """The score of each crop, computed by boosted trees that were fitted to crops of other photos."""
    table, photos = np.array([features(crop) for crop in crops]), [crop.photo for crop in crops]
    scores = np.zeros(len(crops))
    for fitted, held in GroupKFold(min(FOLDS, len(set(photos)))).split(table, truths, photos):
        trees = HistGradientBoostingClassifier(max_iter=150, learning_rate=0.06, max_leaf_nodes=15, random_state=seed)
        trees.fit(table[fitted], truths[fitted])
        scores[held] = trees.predict_proba(table[held])[:, 1]
    return scores


def by_network(crops: Sequence[Crop], truths: NDArray[np.bool_], seed: int) -> Floats:
    """The score of each crop, computed by a network that was fitted to crops of other photos."""
    found = np.array([patches(crop.pixels, crop.inside) for crop in crops])
    return held_out_scores(found, truths, [crop.photo for crop in crops], seed)


WAYS: dict[str, Way] = {"trees": by_trees, "network": by_network}


def blurred(crop: Crop) -> Crop:
    """The crop with its object slightly blurred, as if the object had been pasted less precisely."""
    x1, y1, x2, y2 = crop.inside
    pixels = crop.pixels.copy()
    pixels[y1:y2, x1:x2] = cv2.GaussianBlur(pixels, (0, 0), BLUR)[y1:y2, x1:x2]
    return Crop(crop.row, crop.photo, crop.is_answer, pixels, crop.inside)


def features(crop: Crop) -> Floats:
    """Features of the object in each of the three channels (luma and two chroma channels). Each feature is also given
    relative to its value in the surroundings.
    """
    channels = cv2.cvtColor(crop.pixels, cv2.COLOR_BGR2YCrCb).astype(np.float64)
    inside = np.zeros(crop.pixels.shape[:2], dtype=bool)
    x1, y1, x2, y2 = crop.inside
    inside[y1:y2, x1:x2] = True
    found = []
    for channel in (channels[..., 0], channels[..., 1], channels[..., 2]):
        own, other = (of_region(channel, where) for where in (inside, ~inside))
        found += [own, own / (np.abs(other) + 1e-3)]
    return np.concatenate(found)


def of_region(channel: Floats, where: NDArray[np.bool_]) -> Floats:
    """Features of the pixels of a region: residual noise, edges, and JPEG blocks."""
    residual = channel - cv2.GaussianBlur(channel, (0, 0), 1.0)
    steps = np.hypot(cv2.Sobel(channel, cv2.CV_64F, 1, 0), cv2.Sobel(channel, cv2.CV_64F, 0, 1))
    noise, edges = residual[where], steps[where]
    if not noise.size:
        return np.zeros(12 + 15)
    spread = noise.std() + 1e-6
    numbers = [spread, np.abs(noise).mean(), (noise**3).mean() / spread**3, (noise**4).mean() / spread**4]
    numbers += [edges.mean(), *np.percentile(edges, [50, 90, 99]), cv2.Laplacian(channel, cv2.CV_64F)[where].var()]
    return np.array([*numbers, *blockiness(channel, where), *block_energies(channel, where)])


def blockiness(channel: Floats, where: NDArray[np.bool_]) -> list[float]:
    """The mean absolute difference of horizontal neighbors at block borders, the same mean for all other horizontal
    neighbors, and the ratio of the two.
    """
    steps, both = np.abs(np.diff(channel, axis=1)), where[:, 1:] & where[:, :-1]
    border = np.zeros_like(both)
    border[:, BLOCK - 1 :: BLOCK] = True
    at, off = (float(steps[both & side].mean()) if (both & side).any() else 0.0 for side in (border, ~border))
    return [at, off, at / (off + 1e-3)]


def block_energies(channel: Floats, where: NDArray[np.bool_]) -> list[float]:
    """Mean magnitude of DCT coefficients, by frequency, over the blocks that are more than half inside a region."""
    height, width = (side // BLOCK * BLOCK for side in channel.shape)
    shape = (height // BLOCK, BLOCK, width // BLOCK, BLOCK)
    blocks = channel[:height, :width].reshape(shape).transpose(0, 2, 1, 3).reshape(-1, BLOCK, BLOCK)
    full = where[:height, :width].reshape(shape).mean(axis=(1, 3)).ravel() > 0.5
    if not full.any():
        return [0.0] * 15
    sizes = np.mean([np.abs(cv2.dct(block)) for block in blocks[full]], axis=0)
    return [float(sizes[band == BANDS].mean()) for band in range(15)]


if __name__ == "__main__":
    main()
