"""Checks the form, prompt, answer, and box sizes of each row. These checks do not open photos."""

import re
from itertools import pairwise

from cgc_data.answer import format_response
from cgc_data.answer.reading import read_answer
from cgc_data.matching import set_miou
from cgc_data.release.schema import SPLITS
from cgc_data.tasks import CONTRASTS, REFERENCE, TASKS, Task, pools_of
from cgc_data.validate.boxes import area, furthest, within
from cgc_data.validate.limits import Limits
from cgc_data.validate.report import Ledger
from cgc_data.validate.samples import Sample, Target, View
from cgc_data.validate.world import World

CHECKS = {
    "row form": "every value has the right type, and every index refers to a view",
    "ids unique": "16 hex digits, unique",
    "prompt": (
        "in the prompt, a number precedes each image, the question comes last and contains the requested names, and "
        "there are no answer tags"
    ),
    "answer": "the answer follows the strict format, matches `objects`, and scores 1.0",
    "box limits": "box sides, box areas, aspect ratios, and the number of objects are within the limits of the release",
}

ID = re.compile(r"[0-9a-f]{16}")
TEMPLATE = re.compile(r"([a-z_]+)/\d+")
ROUNDING = 1e-4  # relative tolerance for floating-point numbers


class FormCheck:
    """Checks one row at a time, and adds the id of each row to `ids`."""

    def __init__(self, ledger: Ledger, limits: Limits, world: World) -> None:
        self._ledger, self._limits, self._world = ledger, limits, world
        self.ids: list[str] = []

    def check(self, sample: Sample) -> bool:
        """Check a row. Returns False if the row has faults that make other checks meaningless."""
        self.ids.append(sample.id)
        faults = [*_values(sample), *_indices(sample, self._world)]
        for fault in faults or [""]:
            self._ledger.require(not fault, "row form", sample.id, fault)
        if faults:
            return False
        for fault in _prompt(sample, self._world) or [""]:
            self._ledger.require(not fault, "prompt", sample.id, fault)
        self._answer(sample)
        self._sizes(sample)
        return True

    def finish(self) -> None:
        """Check that every id has 16 hex digits, and that no two rows have the same id."""
        seen: set[str] = set()
        for identity in self.ids:
            fresh = bool(ID.fullmatch(identity)) and identity not in seen
            self._ledger.require(fresh, "ids unique", identity, "the id is used twice, or is not 16 hex digits")
            seen.add(identity)

    def _answer(self, sample: Sample) -> None:
        response = f"<think>looked</think>\n<answer>{sample.answer}</answer>"
        parsed = read_answer(response, len(sample.views))
        names = ", ".join(str(violation) for violation in parsed.violations)
        if not self._ledger.require(parsed.valid, "answer", sample.id, f"not strictly valid: {names}"):
            return
        said = [(item.img_idx, item.bbox_2d, item.label) for item in parsed.objects]
        if sorted(said) != sorted((t.img_idx, t.bbox, t.label) for t in sample.objects):
            self._ledger.breach("answer", sample.id, f"the answer {sample.answer} does not match `objects`")
            return
        canonical = format_response(parsed.objects) == f"<answer>{sample.answer}</answer>"
        scores = abs(set_miou(parsed, parsed.objects) - 1) < 1e-9
        message = f"the answer {sample.answer} is not in canonical form, or does not score 1.0"
        self._ledger.require(canonical and scores, "answer", sample.id, message)

    def _sizes(self, sample: Sample) -> None:
        found = len(sample.objects)
        most = self._limits.max_objects
        self._ledger.require(found <= most, "box limits", sample.id, f"{found} objects in an answer, at most {most}")
        for target in sample.objects:
            fault = _outside(target, sample.view(target.img_idx), self._limits)
            message = f"{target.annotation_id} in image {target.img_idx}: {fault}"
            self._ledger.require(not fault, "box limits", sample.id, message)


def _values(sample: Sample) -> list[str]:
    contrast, task = CONTRASTS.get(sample.contrast), TASKS.get(f"{sample.contrast}/{sample.task}")
    allowed = {
        "contrast": (sample.contrast, tuple(CONTRASTS)),
        "split": (sample.split, SPLITS),
        "task": (sample.task, tuple(t.name for t in TASKS.values() if t.contrast is contrast)),
        "distractors": (sample.distractors, contrast.kinds if contrast else ()),
    }
    faults = [
        f"{name} {value!r} is not one of {known}" for name, (value, known) in allowed.items() if value not in known
    ]
    template = TEMPLATE.fullmatch(sample.template_id)
    if not template or not task or template.group(1) not in pools_of(task):
        faults.append(f"template {sample.template_id!r} does not belong to the question pool of {sample.task!r}")
    if not 0 <= sample.difficulty <= 1:
        faults.append(f"difficulty {sample.difficulty} is not between 0 and 1")
    if not 2 <= len(sample.views) <= 6:
        faults.append(f"{len(sample.views)} views, not 2 to 6")
    if not sample.tuple_id:
        faults.append("no tuple_id")
    return faults


def _indices(sample: Sample, world: World) -> list[str]:
    count = len(sample.views)
    named = [t.img_idx for t in sample.objects] + [c.img_idx for c in sample.evidence]
    named += [index for index in (sample.img_idx, sample.ref_img_idx) if index is not None]
    faults = [f"image {index} of {count}" for index in sorted(set(named)) if not 1 <= index <= count]
    faults += _images(sample)
    if unknown := [label for label in sample.labels if world.concept(label) is None]:
        faults.append(f"the sources have no category named {unknown[0]!r}")
    if task := TASKS.get(f"{sample.contrast}/{sample.task}"):
        faults += _asked(sample, task)
    for number, view in enumerate(sample.views, 1):
        faults += _frame(view, sample.contrast, world, is_reference=number in sample.reference_images)
        faults += _parts(view, world)
    return faults


def _images(sample: Sample) -> list[str]:
    """Faults in the lists of answer images and reference images.

    An answer image may contain an answer; a reference image never does.
    """
    listed = sorted([*sample.answer_images, *sample.reference_images])
    faults = (
        []
        if listed == list(range(1, len(sample.views) + 1))
        else [(f"the answer images and reference images together must list every image once, but they list {listed}")]
    )
    holding = {target.img_idx for target in sample.objects} | ({sample.img_idx} - {None})
    if stray := holding - set(sample.answer_images):
        faults.append(f"image {sorted(map(str, stray))[0]} is a reference image, but has an answer")
    if sample.ref_img_idx is not None and sample.ref_img_idx not in sample.reference_images:
        faults.append(f"the question refers to image {sample.ref_img_idx}, which is not a reference image")
    return faults


def _asked(sample: Sample, task: Task) -> list[str]:
    """Mismatches between the question of a row and the declaration of its task."""
    fewest, most = task.labels_in(names_image=sample.img_idx is not None)
    faults = []
    if not fewest <= len(sample.labels) <= most or len(set(sample.labels)) < len(sample.labels):
        faults.append(
            f"the question asks for the labels {list(sample.labels)}, but needs {fewest} to {most} different labels"
        )
    written = {sample.written_label} if sample.written_label else set(sample.labels)
    stray = ({t.label for t in sample.objects} - written) | ({c.label for c in sample.evidence} - set(sample.labels))
    if stray:
        faults.append(f"{sorted(stray)[0]!r} is answered but not asked for")
    if task.gives_box != (sample.ref_img_idx is not None and sample.ref_bbox is not None):
        faults.append(f"a {sample.task} question {'needs a' if task.gives_box else 'must have no'} reference box")
    if task.gives_image != (sample.ref_img_idx is not None and sample.ref_bbox is None):
        faults.append(f"a {sample.task} question {'needs a' if task.gives_image else 'must have no'} reference image")
    names = sample.template_id.partition("/")[0] in {t.named_pool for t in TASKS.values()} - {""}
    if names != (sample.img_idx is not None):
        faults.append(f"template {sample.template_id} {'names' if names else 'does not name'} the answer's image")
    return faults


def _parts(view: View, world: World) -> list[str]:
    """Faults in the list of photos of a view.

    The first photo must be the photo of the view itself. Each other photo must be in the sources and provide an object
    with a mask.
    """
    if not view.parts:
        return ["a view has no parts"]
    own, *lent = view.parts
    faults = []
    if (own.source, own.image_id, own.file_name) != (view.source, view.image_id, view.file_name) or own.annotation_id:
        faults.append(
            f"the first part of a view of {view.file_name} must be that photo, but is another photo or an object"
        )
    for part in lent:
        if not world.known(part.source, part.image_id):
            faults.append(f"part {part.image_id} is not in source {part.source}")
        elif not part.annotation_id or not part.mask:
            faults.append(f"part {part.image_id} of {view.file_name} is not an object with a mask")
    return faults


def _frame(view: View, contrast: str, world: World, *, is_reference: bool) -> list[str]:
    if not world.known(view.source, view.image_id):
        return [f"image {view.image_id} is not in source {view.source}"]
    source, (x1, y1, x2, y2) = world.sources[view.source], view.window
    faults = []
    known = CONTRASTS[contrast].roles if contrast in CONTRASTS else ()
    if view.role not in ((*known, REFERENCE) if is_reference else known):
        faults.append(f"role {view.role!r} is not one of {known}")
    if not (x1 < x2 and y1 < y2 and view.width > 0 and view.height > 0):
        faults.append(f"window {view.window}, shown at {view.width} x {view.height} pixels, is empty")
    elif not within((x1, y1, x2, y2), (0, 0, *source.size(view.image_id))):
        faults.append(f"window {view.window} extends beyond its photo, whose size is {source.size(view.image_id)}")
    if view.file_name.rpartition("/")[2] not in source.base_names(view.image_id):
        faults.append(
            f"the file name is {view.file_name}, but the source lists {source.file_name(view.image_id)} for image "
            f"{view.image_id}"
        )
    return faults


def _prompt(sample: Sample, world: World) -> list[str]:
    faults = []
    parts = [part for message in sample.prompt for part in message["content"]]
    if any(set(part) != {"type", "text"} or part["type"] not in ("text", "image") for part in parts):
        return ["a part of the prompt is neither a text nor an image, or its keys are not exactly `type` and `text`"]
    images = [i for i, part in enumerate(parts) if part["type"] == "image"]
    if len(images) != len(sample.views) or any(parts[i]["text"] is not None for i in images):
        faults.append(f"{len(images)} images in the prompt, {len(sample.views)} views")
    before = [str(parts[i - 1]["text"]).strip() if i else "" for i in images]
    if before != [f"Image {number}:" for number in range(1, len(images) + 1)]:
        faults.append(f"images are introduced as {before}")
    if (
        not parts
        or str(parts[-1]["text"]).strip() != sample.question.strip()
        or any(b - a < 2 for a, b in pairwise(images))
    ):
        faults.append("the prompt does not end with the question")
    if "<think>" in sample.question or "<answer>" in sample.question:
        faults.append("the question contains a <think> or <answer> tag")
    named = () if sample.written_label else sample.labels
    faults += [f"the question does not contain the name {n!r}" for n in named if not _named(n, sample.question, world)]
    if sample.ref_img_idx and not _quotes(sample):
        what = f"the reference box {sample.ref_bbox} of " if sample.ref_bbox else ""
        faults.append(f"the question does not mention {what}image {sample.ref_img_idx}")
    return faults


def _named(label: str, question: str, world: World) -> bool:
    concept = world.concept(label)
    plural = world.shown[concept].plural if concept else label
    return any(re.search(rf"(?<!\w){re.escape(name)}(?!\w)", question, re.I) for name in (label, plural))


def _quotes(sample: Sample) -> bool:
    numbers = r"\D+".join(str(value) for value in sample.ref_bbox or ())
    given = not numbers or re.search(rf"(?<!\d){numbers}(?!\d)", sample.question)
    return bool(given and re.search(rf"image {sample.ref_img_idx}(?!\d)", sample.question, re.I))


def _outside(target: Target, view: View, limits: Limits) -> str:
    x1, y1, x2, y2 = target.bbox
    if not (0 <= x1 < x2 <= 1000 and 0 <= y1 < y2 <= 1000):
        return f"{target.bbox} is not a box within 0-1000"
    if not within(target.bbox_px, view.pixels, 1e-6):
        return f"{target.bbox_px} extends beyond the view's {view.width} x {view.height}"
    if furthest(view.thousand(target.bbox_px), target.bbox) > 1:
        return f"{target.bbox} and {target.bbox_px} are not the same box"
    return _too_small(target, view, limits)


def _too_small(target: Target, view: View, limits: Limits) -> str:
    width, height = target.bbox_px[2] - target.bbox_px[0], target.bbox_px[3] - target.bbox_px[1]
    shrink = min(1.0, (limits.pixel_budget / (view.width * view.height)) ** 0.5)
    side = min(width, height) * shrink
    share = area(target.bbox_px) / (view.width * view.height)
    aspect = max(width, height) / max(min(width, height), 1e-9)
    if side < limits.min_side * (1 - ROUNDING):
        return f"the shorter side is {side:.1f} px, but must be at least {limits.min_side:g}"
    if share < limits.min_area * (1 - ROUNDING):
        return f"the box covers {share:.5f} of the view, but must cover at least {limits.min_area:g}"
    return (
        f"the aspect ratio is {aspect:.2f}, but must be at most {limits.max_aspect:g}"
        if aspect > limits.max_aspect * (1 + ROUNDING)
        else ""
    )
