"""Checks `intra/region` rows, which ask for the place from which a piece (a recolored part of a photo) was cut out.

The piece must come from the stated place, and must not resemble any other place in the images.
"""

from collections.abc import Iterator, Sequence
from itertools import combinations

from cgc_data.common.errors import PhotoError
from cgc_data.tasks import REFERENCE
from cgc_data.validate.boxes import BOX_TOLERANCE, area, furthest, grown, overlap, within
from cgc_data.validate.limits import Limits
from cgc_data.validate.pointing import box_by_color, image_by_color, image_by_learning
from cgc_data.validate.report import Check, Finding
from cgc_data.validate.resemblance import LONGER_SIDE, Found, search, small
from cgc_data.validate.samples import Box, Sample, View
from cgc_data.validate.trace import Trace
from cgc_data.validate.world import World

CHECKS = {
    "pieces": "a piece is a sharp, recolored crop of the photo, and the answer is the place from which it was cut",
    "pieces apart": (
        "except for the image with the answer, no image shows a part of the piece or of the margin around the piece"
    ),
    "pieces unique": "the piece is not a plain area, and resembles no other place at any scale, mirrored or not",
}
AT_HOME, ELSEWHERE, LEAST_SPREAD = 0.8, 0.7, 20.0
SLACK = 0.03  # tolerance of a correlation, due to resampling in a different order
SPREAD_SLACK = 1.5  # gray levels
MOST_GAIN, GAMMAS = 0.15, (0.8, 1.25)
ENLARGEMENT = 2.0
MARGIN = 8  # photo pixels


def check(sample: Sample, world: World, limits: Limits) -> Iterator[Finding]:
    """Check the place and the colors of the piece, and its distance from the other windows.

    Also check that the images show the piece at only one place.
    """
    del limits
    fault = _misformed(sample, world)
    yield Finding("pieces", fault)
    if fault:
        return
    piece = sample.view(sample.ref_img_idx or 0)
    for fault in [*_misplaced(sample, piece), *(f for n in sample.reference_images for f in _changed(sample.view(n)))]:
        yield Finding("pieces", fault)
    yield Finding("pieces apart", _near(sample))
    yield Finding("pieces unique", _ambiguous(sample, piece, world))


def measures(traces: Sequence[Trace], limits: Limits) -> Iterator[Check]:
    """Measure whether colors or file properties reveal the place of a piece, or the image from which it was cut."""
    del limits
    yield image_by_color(traces)
    yield image_by_learning(traces)
    yield from box_by_color(traces)


def _misformed(sample: Sample, world: World) -> str:
    """The reason why the row matches neither of the two forms of the question; "" if it matches one."""
    if len(sample.objects) != 1 or sample.ref_img_idx is None:
        return f"{len(sample.objects)} objects for the piece in image {sample.ref_img_idx}; one of each is needed"
    if len({world.photo(view) for view in sample.views}) > 1:
        return "the images come from several photos"
    if sample.img_idx is None:
        return _not_searched(sample)
    first, (answer,) = sample.view(1), sample.answer_images or (0,)
    if (answer, sample.img_idx) != (1, 1) or first.window != (0, 0, *world.sources[first.source].size(first.image_id)):
        return "the question must ask for a place in Image 1, and Image 1 must be an uncropped photo"
    return ""


def _not_searched(sample: Sample) -> str:
    """The fault in a row that asks from which image the piece was cut; "" if there is none."""
    if sample.reference_images != (1,):
        return f"the pieces are images {sample.reference_images}, but Image 1 must be the only piece"
    views = [sample.view(number) for number in sample.answer_images]
    kinds = {(v.window[2] - v.window[0], v.window[3] - v.window[1], v.width, v.height) for v in views}
    return "" if len(views) > 1 and len(kinds) == 1 else f"{len(views)} windows to choose from, of sizes {kinds}"


def _misplaced(sample: Sample, piece: View) -> Iterator[str]:
    """Yield the faults in the place that the answer states and in the roles of the images."""
    (target,) = sample.objects
    view = sample.view(target.img_idx)
    home = view.place(piece.window)
    if not within(home, view.pixels, 1e-6) or target.annotation_id or target.visible != 1:
        yield f"image {target.img_idx} does not contain the whole piece, or the answer is an annotated object"
    true = view.thousand(home)
    if max(furthest(true, target.bbox), furthest(true, view.thousand(target.bbox_px))) > BOX_TOLERANCE + 1e-6:
        yield f"{target.bbox}, but the piece was cut from {tuple(round(value, 1) for value in true)}"
    for number, shown in enumerate(sample.views, 1):
        held = [t.img_idx for t in sample.objects]
        roles = sample.kind.contrast.roles
        role = REFERENCE if number in sample.reference_images else roles[0] if number in held else roles[1]
        if shown.role != role:
            yield f"image {number} is marked as a {shown.role}, but is a {role}"


def _changed(view: View) -> Iterator[str]:
    """The reason why a piece breaks the rules of its task.

    A piece must be cropped, enlarged at most twofold, and recolored within bounds.
    """
    steps = dict(zip((step.name for step in view.operations), (step.values for step in view.operations), strict=True))
    if tuple(steps) != ("crop", "resize", "gain", "gamma", "jpeg"):
        yield f"the piece has the wrong operations: {', '.join(steps)}"
        return
    if any(abs(factor - 1) > MOST_GAIN + 1e-9 for factor in steps["gain"]):
        yield f"colors are changed by {steps['gain']}"
    if not GAMMAS[0] - 1e-9 <= steps["gamma"][0] <= GAMMAS[1] + 1e-9:
        yield f"the gamma correction is {steps['gamma'][0]}"
    if view.width > ENLARGEMENT * (view.window[2] - view.window[0]) + 1:
        yield f"a piece that is {view.window[2] - view.window[0]} px wide in its photo is shown {view.width} px wide"


def _near(sample: Sample) -> str:
    """The fault if an image shows part of a piece, or of the margin around a piece; "" if there is none.

    The image of the piece itself and the image that contains the answer are exempt.
    """
    (target,) = sample.objects
    others = {n: view.window for n, view in enumerate(sample.views, 1) if n != target.img_idx}
    pieces = set(sample.reference_images)
    for (one, first), (two, second) in combinations(others.items(), 2):
        if pieces & {one, two} and area(overlap(grown(first, MARGIN), second)) > 0:
            return f"images {one} and {two} show regions of the photo that are less than {MARGIN} px apart"
    return ""


def _ambiguous(sample: Sample, piece: View, world: World) -> str:
    """The reason why the piece could come from another place; "" if it could not."""
    try:
        pixels = world.composed(piece)
        for number in sample.answer_images:
            view = sample.view(number)
            x1, y1, x2, y2 = place = view.place(piece.window)
            home = place if number == sample.objects[0].img_idx else None
            image, size = world.composed(view), (x2 - x1, y2 - y1)
            spread = float(small(pixels, *(side * LONGER_SIDE / max(image.shape[:2]) for side in size)).std())
            if spread < LEAST_SPREAD - SPREAD_SLACK:
                return f"the standard deviation of the piece is only {spread:.1f} gray levels"
            if fault := _unlike(search(pixels, image, size, home), home):
                return f"image {number}: {fault}"
    except PhotoError as error:
        return str(error)
    return ""


def _unlike(found: Found, home: Box | None) -> str:
    if home and found.home < AT_HOME - SLACK:
        return f"the similarity of the piece to its own place is only {found.home:.2f}"
    if found.elsewhere >= ELSEWHERE + SLACK:
        return f"the similarity of the piece to another place is {found.elsewhere:.2f}"
    return ""
