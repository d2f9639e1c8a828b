"""A row of a release in readable form: its views with boxes, its question, and the reason why each distractor image
does not show the target.

The gallery and the contact sheets both use this form, so that they are consistent.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import TypeAlias

from cgc_data.answer import ANSWER_FORM
from cgc_data.licenses import web_link
from cgc_data.look.card import license_name
from cgc_data.release.manifest import SourceRecord
from cgc_data.release.rows import Evidence, Row, ViewRow
from cgc_data.sources.formats import FORMATS, AnnotationProtocol
from cgc_data.tasks import task_of

WHOLE = (0, 0, 1000, 1000)  # tag of an image that the question refers to without a box

Sources: TypeAlias = Mapping[str, SourceRecord]


@dataclass(frozen=True)
class Box:
    """A box in pixels of its view: x1, y1, x2, y2, where x2 and y2 are exclusive.

    `tag` is the text next to the box: the label, or "given" for the box that the question gives. If a view has more
    than two objects, all with the same label, their tags are numbers.
    """

    rect: tuple[float, float, float, float]
    tag: str
    is_reference: bool


@dataclass(frozen=True)
class View:
    """One image of a sample. The sentences in `why` explain why the image does not show the target, and name the photos
    from which objects were pasted into the image.
    """

    number: int
    width: int
    height: int
    role: str
    boxes: tuple[Box, ...]
    why: tuple[str, ...]
    unwarranted: bool
    file_name: str
    window: tuple[int, ...]
    changes: str
    license: str
    license_url: str
    flickr_url: str
    content: bytes

    @property
    def aspect(self) -> float:
        """Width over height."""
        return self.width / self.height


@dataclass(frozen=True)
class Sample:
    """One question with its views and answer.

    `question` is the question itself, and `form` is the rest of the prompt.
    """

    id: str
    kind: str
    split: str
    question: str
    form: str
    labels: tuple[str, ...]
    answer: str
    views: tuple[View, ...]
    distractors: str
    difficulty: float
    template_id: str
    pair_id: str

    @property
    def lines(self) -> tuple[tuple[View, ...], ...]:
        """The views, grouped into the lines in which they are displayed.

        More than four views are split into two lines, so that no view gets too small.
        """
        most = len(self.views) if len(self.views) <= 4 else -(-len(self.views) // 2)
        return tuple(self.views[start : start + most] for start in range(0, len(self.views), most))

    @property
    def widest(self) -> float:
        """The ratio of width to height of the widest line of views."""
        return max(sum(view.aspect for view in line) for line in self.lines)


def read_sample(row: Row, sources: Sources) -> Sample:
    """Convert a row with images into a sample. `sources` maps source keys to the sources in the manifest."""
    question, form, rest = row["question"].partition(ANSWER_FORM)
    return Sample(
        id=row["id"],
        kind=f"{row['contrast']}/{row['task']}",
        split=row["split"],
        question=question.strip(),
        form=form + rest,
        labels=tuple(row["query"]["labels"]),
        answer=row["answer"],
        views=tuple(_view(row, number, sources) for number in range(1, len(row["views"]) + 1)),
        distractors=row["distractors"],
        difficulty=row["difficulty"],
        template_id=row["template_id"],
        pair_id=row["pair_id"],
    )


def _view(row: Row, number: int, sources: Sources) -> View:
    view = row["views"][number - 1]
    boxes = _boxes(row, number, view)
    why = tuple(_warrant(e, sources) for e in row["evidence"] if e["img_idx"] == number)
    if task_of(row).gives_image and number in row["answer_images"] and not boxes:
        why = (f"This window shows no part of Image {row['query']['ref_img_idx']}.",)
    why = (*_added(view), *why)
    return View(
        number=number,
        width=view["width"],
        height=view["height"],
        role=view["role"],
        boxes=boxes,
        why=why,
        unwarranted=not boxes and not why and task_of(row).claims and number in row["answer_images"],
        file_name=view["file_name"],
        window=tuple(view["window"]),
        changes=view["changes"],
        license=_license(view["license_url"] or ""),
        license_url=web_link(view["license_url"] or ""),
        flickr_url=web_link(view["flickr_url"] or ""),
        content=row["images"][number - 1]["bytes"],
    )


def _added(view: ViewRow) -> tuple[str, ...]:
    """A sentence about the objects that were pasted into the view from other photos, if there are any."""
    lent = view["parts"][1:]
    lenders = ", ".join(PurePath(part["file_name"]).name for part in lent)
    return (f"Objects pasted from other photos: {len(lent)} ({lenders}).",) if lent else ()


def _license(url: str) -> str:
    """Name of the license, or "license: not stated by the source" if the URL is empty."""
    return license_name(url) if url else f"license: {license_name(url)}"


def _boxes(row: Row, number: int, view: ViewRow) -> tuple[Box, ...]:
    objects = [o for o in row["objects"] if o["img_idx"] == number]
    crowded = len(objects) > 2 and len({o["label"] for o in objects}) == 1
    found = [Box(_rect(o["bbox_px"]), str(n) if crowded else o["label"], False) for n, o in enumerate(objects, 1)]
    query = row["query"]
    if query["ref_img_idx"] == number:
        x1, y1, x2, y2 = query["ref_bbox"] or WHOLE
        across, down = view["width"] / 1000, view["height"] / 1000
        found.append(Box((x1 * across, y1 * down, x2 * across, y2 * down), "given", True))
    return tuple(found)


def _rect(box: Sequence[float]) -> tuple[float, float, float, float]:
    x1, y1, x2, y2 = box
    return x1, y1, x2, y2


def _warrant(evidence: Evidence, sources: Sources) -> str:
    """A sentence that explains why the view does not show any object with the label."""
    label, who = evidence["label"], _who(evidence["source"], sources)
    rule, _, above = evidence["warrant"].partition(":")
    if protocol := _protocol(rule, sources.get(evidence["source"])):
        return protocol.sentence(label, who)
    sentences = {
        "hypernym": f"{who}: no {above} here, so no {label} either.",
        "outside_window": f"Every {label} of the photo lies outside this window.",
    }
    return sentences.get(rule, f"{who}: {evidence['warrant']} ({label}).")


def _protocol(rule: str, source: SourceRecord | None) -> AnnotationProtocol | None:
    """The annotation protocol that uses this rule to prove absence. If several protocols use the rule, the source's
    protocol is preferred.

    The result is None for rules that belong to no protocol.
    """
    forms = sorted(FORMATS.values(), key=lambda form: source is None or form.name != source["kind"])
    return next((form.protocol for form in forms if form.protocol.rule == rule), None)


def _who(key: str, sources: Sources) -> str:
    """The name of the dataset whose annotators followed the protocol, such as "COCO".

    If the user declared which categories of the source are exhaustive, the result is the name of the annotation file.
    """
    source = sources.get(key)
    if source is None:
        return key
    form = FORMATS.get(source["kind"])
    if form is None or (form.protocol.declarable and source.get("exhaustive") is not None):
        return PurePath(source["annotations"]).name
    return form.protocol.who
