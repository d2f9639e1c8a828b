"""Scores one response to one row. Every kind of failure has its own metric.

A value is None if the metric is not defined for the row or the answer. The mean of a metric does not include items
whose value is None.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec

from cgc_data.answer import Reading, read_answer, read_lenient
from cgc_data.geometry import ThousandBox, iou_table
from cgc_data.matching import f1_at, label_reader, match, match_at, set_miou
from cgc_data.metrics.truth import Truth

THRESHOLD = 0.5
# The lenient reading repairs broken JSON with this optional package.
CAN_MEND = find_spec("json_repair") is not None


@dataclass(frozen=True)
class ItemScore:
    """One response, scored.

    Attributes:
        truth: ground truth of the row.
        accuracy: `acc@0.5` with the parser that the reward uses.
        lenient: `acc@0.5` with the lenient parser; None if it was not computed.
        miou: set-wise IoU; only boxes in the same image can match.
        miou_any_image: set-wise IoU; the image index is ignored.
        source: whether the images with predicted boxes are exactly the images with ground-truth boxes; None if there
            are no ground-truth boxes or the question names the image.
        leaked: whether a predicted box is in an image without a ground-truth box; None if there are no ground-truth
            boxes or the response is unreadable.
        leaked_boxes: the predicted boxes in images without a ground-truth box, as (x1, y1, x2, y2) with values from 0
            to 1000; empty if no box is leaked.
        leaked_same_place: whether a leaked box has about the same coordinates (IoU >= 0.5) as a ground-truth box in
            another image; None if no box is leaked.
        hallucinated: whether the answer to an `absent` row has an entry, well-formed or not; None for other rows or if
            the response is unreadable.
        nowhere: whether a predicted box has a requested label that no image shows; None if `truth.nowhere` is empty or
            the response is unreadable.
        binding: share of matched boxes whose label is wrong, but is one of the requested labels. Boxes are matched
            regardless of labels. None if the question asks for only one label or no box matches.
        track: whether all images of a track are answered correctly, that is, every ground-truth box is matched and
            there is no other box; None for other rows.
        track_images: share of the images of a track that are answered correctly; None for other rows.
        false_empty: whether the answer to a row with a target is `[]`; None for `absent` rows.
        unreadable: whether the response contains no list.
        valid: whether the answer has the strict format.
        pixel_scale: whether the answer contains numbers above 1000.
        boxes: number of well-formed boxes.
        distractor_boxes: number of predicted boxes in images without a ground-truth box.
    """

    truth: Truth
    accuracy: float
    lenient: float | None
    miou: float
    miou_any_image: float
    source: bool | None
    leaked: bool | None
    leaked_boxes: tuple[ThousandBox, ...]
    leaked_same_place: bool | None
    hallucinated: bool | None
    nowhere: bool | None
    binding: float | None
    track: bool | None
    track_images: float | None
    false_empty: bool | None
    unreadable: bool
    valid: bool
    pixel_scale: bool
    boxes: int
    distractor_boxes: int


def score_item(
    response: str, truth: Truth, *, require_think: bool = True, prefix: str = "", lenient: bool | None = None
) -> ItemScore:
    """Score a response; for `require_think` and `prefix`, see `read_answer`. Never raises an error, not even for an
    unreadable response.

    `lenient` selects whether the lenient parser also runs. This parser is slow on damaged answers and needs
    json-repair. By default, it runs only if json-repair is installed.
    """
    reading = read_answer(response, truth.num_images, require_think=require_think, prefix=prefix)
    if not (CAN_MEND if lenient is None else lenient):
        return score_reading(reading, truth)
    loose = reading
    if not reading.valid:
        loose = read_lenient(response, truth.num_images, require_think=require_think, prefix=prefix)
    return score_reading(reading, truth, lenient=loose)


def score_reading(reading: Reading, truth: Truth, *, lenient: Reading | None = None) -> ItemScore:
    """Score a parsed response. `lenient` is the result of the lenient parser, if any."""
    astray = [item.bbox_2d for item in reading.objects if item.img_idx in truth.safe_images]
    has_target = bool(truth.objects)
    along = _right_along(reading, truth) if truth.is_track else None
    leaked = bool(astray) if has_target and reading.readable else None
    return ItemScore(
        truth=truth,
        accuracy=accuracy(reading, truth),
        lenient=None if lenient is None else accuracy(lenient, truth),
        miou=set_miou(reading, truth.objects, use_label=truth.use_label),
        miou_any_image=_miou_any_image(reading, truth),
        source=None if not has_target or truth.names_image else _right_images(reading, truth),
        leaked=leaked,
        leaked_boxes=tuple(astray) if leaked else (),
        leaked_same_place=same_place(astray, [truth])[0] if leaked else None,
        hallucinated=reading.elements > 0 if not has_target and reading.readable else None,
        nowhere=_boxes_nowhere(reading, truth),
        binding=_swapped(reading, truth),
        track=accuracy(reading, truth) == 1 if truth.is_track else None,
        track_images=None if along is None else sum(along) / len(along),
        false_empty=reading.empty if has_target else None,
        unreadable=not reading.readable,
        valid=reading.valid,
        pixel_scale=reading.pixel_scale,
        boxes=len(reading.objects),
        distractor_boxes=len(astray),
    )


def accuracy(reading: Reading, truth: Truth) -> float:
    """`acc@0.5`. If the question asks for one object, an answer scores 1 if it has exactly one box, in the right image,
    with IoU >= 0.5. If the question asks for a set, the score is the F1 score at IoU 0.5. If the ground truth is `[]`,
    only the answer `[]` scores 1.
    """
    if truth.one_object and reading.elements != 1:
        return 0.0
    return f1_at(reading, truth.objects, THRESHOLD, use_label=truth.use_label)


def same_place(boxes: Sequence[ThousandBox], truths: Sequence[Truth]) -> list[bool]:
    """For each truth, whether any of the `boxes` has an IoU of at least 0.5 with any of its objects. Image numbers are
    ignored. The values of the boxes are from 0 to 1000.
    """
    objects = [(place, item.bbox_2d) for place, truth in enumerate(truths) for item in truth.objects]
    overlaps = iou_table(boxes, [box for _, box in objects])
    hit = {place for row in overlaps for (place, _), overlap in zip(objects, row, strict=True) if overlap >= THRESHOLD}
    return [place in hit for place in range(len(truths))]


def _miou_any_image(reading: Reading, truth: Truth) -> float:
    if not reading.readable:
        return 0.0
    most = max(reading.elements, len(truth.objects))
    if not most:
        return 1.0
    return match(reading.objects, truth.objects, use_image=False, use_label=truth.use_label).total / most


def _right_images(reading: Reading, truth: Truth) -> bool:
    well_formed = reading.readable and reading.elements == len(reading.objects)
    return well_formed and {item.img_idx for item in reading.objects} == truth.true_images


def _boxes_nowhere(reading: Reading, truth: Truth) -> bool | None:
    if not truth.nowhere or not reading.readable:
        return None
    read = label_reader(truth.labels)
    return not {read(item.label) for item in reading.objects}.isdisjoint(map(read, truth.nowhere))


def _swapped(reading: Reading, truth: Truth) -> float | None:
    """The share of matched boxes whose label is requested, but is not the label of the matched object. Boxes are
    matched with objects regardless of labels.
    """
    if not truth.use_label:
        return None
    read = label_reader(truth.labels)
    asked = set(map(read, truth.labels))
    pairs = match_at(reading.objects, truth.objects, THRESHOLD).pairs
    written = [(read(reading.objects[place].label), read(truth.objects[other].label)) for place, other in pairs]
    return sum(label in asked - {true} for label, true in written) / len(written) if written else None


def _right_along(reading: Reading, truth: Truth) -> list[bool]:
    """Whether the predicted boxes in an image match its ground-truth boxes one to one. Returns one value for each image
    except the image with the reference box. If any entry is malformed, all images fail.
    """
    images = [number for number in range(1, truth.num_images + 1) if number != truth.ref_img_idx]
    if not reading.readable or reading.elements != len(reading.objects):
        return [False] * len(images)
    return [_right_in(number, reading, truth) for number in images]


def _right_in(number: int, reading: Reading, truth: Truth) -> bool:
    boxed = [item for item in reading.objects if item.img_idx == number]
    true = [item for item in truth.objects if item.img_idx == number]
    return f1_at(boxed, true, THRESHOLD) == 1
