"""Tests whether shortcuts reveal the origin of a piece (a small crop of a photo that a question shows). Color
histograms must not reveal where in the photo the piece was. Colors and properties of the image files must not reveal
which image contains the piece.

Usage: python benchmarks/region_shortcuts.py RELEASE [--docs docs]

RELEASE contains rows of `intra/region` with their images. The script computes the same measures as `cgc-data validate`.
In addition, boosted trees try to find the image that contains the piece. As a control, each measure is repeated with
planted artifacts: pieces keep their original colors, and the image that contains the answer is slightly blurred. Each
measure has a bound, which is the same as in `cgc-data validate`. Without artifacts, the whole confidence interval must
be at or below this bound; with artifacts, above it. Otherwise, the script exits with status 1.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import cv2
import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier

from cgc_data import open_release
from cgc_data.release.manifest import read_manifest
from cgc_data.release.rows import Row
from cgc_data.validate.pointing import Matcher, box_by_color, image_by_learning
from cgc_data.validate.report import Check
from cgc_data.validate.run import open_sources
from cgc_data.validate.samples import Sample, read_sample
from cgc_data.validate.statistics import Floats, Ints, held_out_scores
from cgc_data.validate.trace import Trace, trace_of
from cgc_data.validate.world import World
from cgc_data.vocabulary import load_relations

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks import measured  # noqa: E402
from scripts.markdown import table  # noqa: E402

BLUR = 0.8  # standard deviation of the planted artifact, pixels
QUALITY = 92  # JPEG quality of the planted image
COLORS = ("gain", "gamma")  # operations that change the colors of a piece


def main() -> None:
    """Measure, print, and exit with status 1 if a measure is on the wrong side of its bound."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("release", type=Path)
    parser.add_argument("--docs", type=Path, help="folder in which to write measured.json and the table in validate.md")
    given = parser.parse_args()
    as_built, planted = read_traces(given.release)
    photos = len({trace.photos[0] for trace in as_built})
    found = {"rows": len(as_built), "photos": photos, "measures": figures(as_built, planted)}
    print(f"{len(as_built)} rows from {photos} photos\n{shown(found)}")
    if given.docs:
        measured.keep(given.docs, "region_shortcuts", "validate.md", found, shown(found))
    sys.exit(not all(map(holds, found["measures"].values())))


def read_traces(folder: Path) -> tuple[list[Trace], list[Trace]]:
    """Features of the rows whose question shows a piece: once without artifacts, and once with both planted."""
    world = World(open_sources(folder, read_manifest(folder), ()), load_relations())
    as_built, planted = [], []
    for number, row in enumerate(open_release(folder).rows(images=True)):
        sample = read_sample(row, str(number))
        if asks_for_a_piece(sample):
            as_built.append(trace_of(sample, world))
            planted.append(trace_of(read_sample(with_artifacts(row), str(number)), world))
    return as_built, planted


def asks_for_a_piece(sample: Sample) -> bool:
    """Whether the question shows a piece of a photo as one of its images."""
    return sample.kind.gives_image and sample.ref_img_idx is not None


def with_artifacts(row: Row) -> Row:
    """A copy of the row with planted artifacts: the piece has its original colors, and the image that contains the
    answer is slightly blurred.
    """
    home = row["objects"][0]["img_idx"] - 1
    views = [
        {**view, "operations": [step for step in view["operations"] if step["name"] not in COLORS]}
        for view in row["views"]
    ]
    images = [
        {**image, "bytes": blurred(image["bytes"])} if place == home else image
        for place, image in enumerate(row["images"])
    ]
    return cast(Row, {**row, "views": views, "images": images})


def blurred(content: bytes) -> bytes:
    """Make an image slightly less sharp."""
    pixels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    encoded = cv2.imencode(".jpg", cv2.GaussianBlur(pixels, (0, 0), BLUR), [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1]
    return encoded.tobytes()


def by_trees(features: Floats, truths: np.ndarray[Any, np.dtype[np.bool_]], folds: Ints) -> Floats:
    """Score of each image, computed by boosted trees that were fitted to the other folds."""
    scores = np.zeros(len(truths))
    for fold in np.unique(folds):
        trees = HistGradientBoostingClassifier(max_iter=100, learning_rate=0.06, max_leaf_nodes=8, random_state=0)
        trees.fit(features[folds != fold], truths[folds != fold])
        scores[folds == fold] = trees.predict_proba(features[folds == fold])[:, 1]
    return scores


MATCHERS: dict[str, Matcher] = {"logistic": held_out_scores, "trees": by_trees}


def figures(as_built: Sequence[Trace], planted: Sequence[Trace]) -> dict[str, Any]:
    """The result of each measure on the rows without artifacts, and on the rows with the artifact that this measure
    must detect.
    """
    pairs = zip(checks(as_built), checks(planted), strict=True)
    return {
        name: {
            "rows": honest.n,
            "bound": honest.bound,
            "as built": [honest.value, *(honest.interval or ())],
            "planted": [found.value, *(found.interval or ())],
        }
        for (name, honest), (_, found) in pairs
    }


def checks(traces: Sequence[Trace]) -> Iterator[tuple[str, Check]]:
    """All measures by name."""
    yield from ((check.name, check) for check in box_by_color(traces))
    for name, matcher in MATCHERS.items():
        yield f"image by a learned matcher ({name})", image_by_learning(traces, matcher)


def holds(one: dict[str, Any]) -> bool:
    """Whether the confidence interval without artifacts does not exceed the bound, and the interval with artifacts is
    above the bound.
    """
    return bool(one["as built"][2] <= one["bound"] < one["planted"][1])


def shown(found: dict[str, Any]) -> str:
    """One line per measure."""
    return table(
        ["measure", "rows", "bound", "as built", "planted"],
        [
            [
                name,
                f"{one['rows']:,}",
                f"{one['bound']:.2f}",
                measured.with_interval(one["as built"]),
                measured.with_interval(one["planted"]),
            ]
            for name, one in found["measures"].items()
        ],
    )


if __name__ == "__main__":
    main()
