"""Writes the reasoning that precedes the training answers of a warm-up. Fixed rules generate it.

The reasoning goes through the images in order and contains no coordinates. It states only facts from the row: the
objects that an image shows, and the labels that it provably does not show. Simplification: the reasoning names visible
objects, but does not explain how to recognize them.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from cgc_data.answer import format_response
from cgc_data.answer.prompt import Message
from cgc_data.answer.wording import NUMBER_WORDS, referred
from cgc_data.release.rows import Row, answer_objects
from cgc_data.tasks import answer_of_pool, task_of
from cgc_data.vocabulary import Name, readable
from cgc_train.reward.settings import PromptSettings

# All phrasings have the same meaning; {what} is "a dog", "two dogs", or "a dog and two cats", {nothing} is "no dog".
OPENINGS = (
    "I am looking for {sought}.",
    "The question is about {sought}.",
    "I check every image for {sought}.",
    "Asked for: {sought}. I go through the images one by one.",
)
SEEN = (
    "Image {k} shows {what}.",
    "In Image {k} there {be} {what}.",
    "I can see {what} in Image {k}.",
    "Looking at Image {k}, I find {what}.",
)
UNSEEN = (
    "Image {k} shows {nothing}.",
    "In Image {k} there is {nothing}.",
    "I can see {nothing} in Image {k}.",
    "Looking at Image {k}, I find {nothing}.",
)
NOWHERE = (
    "So the list is empty.",
    "None of the images has it, so the answer is an empty list.",
    "There is nothing to box.",
)
NOWHERE_ELSE = (
    "So the list is empty.",
    "None of the other images has it, so the answer is an empty list.",
    "There is nothing to box.",
)
EXAMPLES = (
    "Image {a} marks {one}, so I check the other images for {plural}.",
    "The box in Image {a} holds {one}. I look for {plural} in the other images.",
    "The example in Image {a} is {one}; what I look for elsewhere is {plural}.",
)
SEVERAL_SOUGHT = (
    "I am looking for the image that shows more than one {counted}.",
    "First I need the image with two or more {plural}.",
    "I count the {plural} in every image.",
)
SEVERAL = ("Image {k} shows more than one {counted}.", "In Image {k} there are two or more {plural}.")
JUST_ONE = ("Image {k} shows just one {counted}.", "In Image {k} there is only one {counted}.")
TOLD = ("Of those in Image {k}, I box the {referred}.", "So I look for the {referred} in Image {k}.")
FOUND = ("So I box {them} in {images}.", "The answer is in {images}.", "What is asked for is in {images}.")
COMPARISONS = (
    "I look for the one kind that every image shows.",
    "I compare the images to find what they have in common.",
    "Only one kind is in every image. I go through the images one by one.",
)
SHARED = (
    "It is {plural} that every image shows.",
    "So {plural} are what the images have in common.",
    "The kind that they share is {plural}.",
)
REFERENCES = (
    "Image {a} marks one {counted}.",
    "The {counted} to follow is the one that is marked in Image {a}.",
    "I start from the {counted} inside the given box of Image {a}.",
)
VIEWS = (
    "Image {b} shows the same scene in another view.",
    "Image {b} is another view of that scene.",
    "The scene of Image {a} appears again in Image {b}.",
)
FOLLOWED = (
    "That same {counted} can be seen in Image {b}.",
    "So I look for this same {counted} in Image {b}.",
    "Image {b} shows that very {counted} too, so I box it there.",
)
OTHER_VIEWS = (
    "The other images show the same scene in other views.",
    "The other images are views of that scene too.",
    "The scene of Image {a} appears again in the other images.",
)
ALONG = (
    "That same {counted} can be seen in Image {b}.",
    "Image {b} shows that very {counted}.",
    "In Image {b} I find that {counted} again.",
)
OUT_OF_VIEW = (
    "In Image {b} that {counted} is out of view.",
    "Image {b} does not show that {counted}.",
    "That {counted} cannot be seen in Image {b}.",
)


PIECES = (
    "Image {a} is a piece that was cut from another image.",
    "The piece to find is Image {a}.",
    "I look for the place that Image {a} shows.",
)
ELSEWHERE = (
    "I do not find it in {others}.",
    "No part of {others} matches it.",
    "It is not from {others}.",
)
MATCHED = (
    "Image {b} has the same content, so I box that region there.",
    "It was cut from Image {b}, and I box the place.",
    "It matches a region of Image {b}, which I box.",
)


@dataclass(frozen=True)
class Sight:
    """What a row states about one image: the number of boxes of each label in the image, and the labels that are not in
    the image. Images are numbered from 1.
    """

    image: int
    shown: Mapping[str, int]
    lacking: Sequence[str]


def sights(row: Row) -> list[Sight]:
    """Collect what a row states about its images, in order. Images that the row does not describe are omitted."""
    counts = Counter((o["img_idx"], _asked_label(o["label"], row)) for o in row["objects"])
    lacking = {(e["img_idx"], e["label"]) for e in row["evidence"]} - counts.keys()
    found = []
    for image in range(1, len(row["views"]) + 1):
        shown = {label: counts[image, label] for label in _labels(row) if counts[image, label]}
        absent = [label for label in _labels(row) if (image, label) in lacking]
        if shown or absent:
            found.append(Sight(image, shown, absent))
    return found


def _asked_label(written: str, row: Row) -> str:
    """The label that the query uses for an object. In the answer, the object can have a generic label, such as
    "object".
    """
    labels = row["query"]["labels"]
    return written if written in labels or not labels else labels[0]


def _labels(row: Row) -> list[str]:
    """The labels of the objects that the row asks for. If the question names no label, the label in the answer is
    used.
    """
    return row["query"]["labels"] or [task_of(row).answer_label]


def trace(row: Row) -> str:
    """Write the reasoning for a release row in a few sentences. The row's id determines the phrasing.

    The reasoning refers to images by number ("Image 2") and writes counts as words ("two dogs"). It contains no
    coordinates and no tags.
    """
    return " ".join(_reasoning(row)(row))


def _reasoning(row: Row) -> Callable[[Row], Iterator[str]]:
    task, query = task_of(row), row["query"]
    if query["relation"]:
        return _single_out
    if task.both_ways:
        return _follow
    if task.gives_image:
        return _match
    return _compare if task.candidates else _search


def completion(row: Row, prompt: PromptSettings) -> list[Message]:
    """Build an assistant message with the ground-truth answer, in the format that the prompt requests.

    With `prompt.think`, the reasoning precedes the answer. If the chat template itself writes the start of every
    response, the message does not repeat that text.
    """
    objects = answer_objects(row["objects"])
    text = format_response(objects, trace(row) if prompt.think else "").removeprefix(prompt.prefix.strip())
    return [{"role": "assistant", "content": [{"type": "text", "text": text}]}]


def _search(row: Row) -> Iterator[str]:
    names, example = [readable(label) for label in _labels(row)], row["query"]["ref_img_idx"]
    if example is None:
        yield _pick(OPENINGS, row, "opening").format(sought=_list([_sought(name, row) for name in names]))
    else:
        words = {"a": example, "one": names[0].indefinite, "plural": names[0].plural}
        yield _pick(EXAMPLES, row, "opening").format(**words)
    for sight in sights(row):
        yield _seen(sight, row)
    yield from _conclusion(row)


def _compare(row: Row) -> Iterator[str]:
    """Write the reasoning for a question about the one category that all images show.

    For each image, the sentences state which of the candidate categories it shows and which of them it does not show.
    Then they name the common category.
    """
    yield _pick(COMPARISONS, row, "opening")
    for sight in sights(row):
        yield _seen(sight, row)
    kind = readable(_asked_label(row["objects"][0]["label"], row))
    yield _pick(SHARED, row, "shared").format(plural=kind.plural)
    yield from _conclusion(row)


def _conclusion(row: Row) -> Iterator[str]:
    if not row["objects"]:
        yield _pick(NOWHERE if row["query"]["ref_img_idx"] is None else NOWHERE_ELSE, row, "end")
        return
    yield _found(row)


def _found(row: Row) -> str:
    images = sorted({o["img_idx"] for o in row["objects"]})
    them = "it" if len(row["objects"]) == 1 else "them"
    return _pick(FOUND, row, "end").format(them=them, images=_list([f"Image {image}" for image in images]))


def _single_out(row: Row) -> Iterator[str]:
    """Write the reasoning for a question that singles out one of several objects, such as "the leftmost dog".

    The sentences state which image shows several such objects, and which of them is requested. Every other image shows
    exactly one such object, unless the `evidence` column states that the image shows none.
    """
    name, answer = readable(row["query"]["labels"][0]), row["objects"][0]["img_idx"]
    words = {"counted": name.counted, "plural": name.plural, "referred": referred(name, row["query"]["relation"])}
    absent = {entry["img_idx"] for entry in row["evidence"]}
    yield _pick(SEVERAL_SOUGHT, row, "opening").format(**words)
    for image in row["answer_images"]:
        phrasings = SEVERAL if image == answer else UNSEEN if image in absent else JUST_ONE
        yield _pick(phrasings, row, f"image {image}").format(k=image, nothing=f"no {name.counted}", **words)
    yield _pick(TOLD, row, "end").format(k=answer, **words)


def _follow(row: Row) -> Iterator[str]:
    """Write the reasoning for a question that marks an object with a box in one image.

    The sentences follow the object to the image that the question names, or through all other images.
    """
    words = {"counted": readable(row["query"]["labels"][0]).counted, "a": row["query"]["ref_img_idx"]}
    yield _pick(REFERENCES, row, REFERENCES[0]).format(**words)
    if (named := row["query"]["img_idx"]) is not None:
        for phrasings in (VIEWS, FOLLOWED):
            yield _pick(phrasings, row, phrasings[0]).format(**words, b=named)
        return
    yield _pick(OTHER_VIEWS, row, OTHER_VIEWS[0]).format(**words)
    shown = {o["img_idx"] for o in row["objects"]}
    for image in row["answer_images"]:
        yield _pick(ALONG if image in shown else OUT_OF_VIEW, row, f"image {image}").format(**words, b=image)
    yield _found(row)


def _match(row: Row) -> Iterator[str]:
    """Write the reasoning for a question about a piece (a part of a photo, shown as a separate image). The sentences
    first rule out the wrong images, and then name the image from which the piece was cut.
    """
    found = row["objects"][0]["img_idx"]
    yield _pick(PIECES, row, "piece").format(a=row["query"]["ref_img_idx"])
    if others := [f"Image {image}" for image in row["answer_images"] if image != found]:
        yield _pick(ELSEWHERE, row, "others").format(others=_list(others, "or"))
    yield _pick(MATCHED, row, "end").format(b=found)


def _seen(sight: Sight, row: Row) -> str:
    what = [_counted(readable(label), count) for label, count in sight.shown.items()]
    nothing = [f"no {readable(label).counted}" for label in sight.lacking]
    kind = f"image {sight.image}"
    if not what:
        return _pick(UNSEEN, row, kind).format(k=sight.image, nothing=_list(nothing))
    be = "is" if next(iter(sight.shown.values())) == 1 else "are"
    return _pick(SEEN, row, kind).format(k=sight.image, what=_list([*what, *nothing]), be=be)


def _sought(name: Name, row: Row) -> str:
    """Name the requested objects for the first sentence of the reasoning.

    The phrasing of the question, not the task, determines whether the name is singular or plural. A name chosen by task
    could reveal in the first sentence that the answer is empty.
    """
    every = answer_of_pool(row["template_id"].partition("/")[0]) == "set" and task_of(row).labels[1] == 1
    return name.plural if every else name.indefinite


def _counted(name: Name, count: int) -> str:
    """Write a number of objects in words, such as "a dog" or "two dogs". Large numbers become "many"."""
    if count == 1:
        return name.indefinite
    return f"{NUMBER_WORDS[count] if count < len(NUMBER_WORDS) else 'many'} {name.plural}"


def _list(parts: Sequence[str], conjunction: str = "and") -> str:
    """Join words into a list, such as "a", "a and b", or "a, b and c"."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} {conjunction} {parts[-1]}"


def _pick(phrasings: Sequence[str], row: Row, place: str) -> str:
    digest = hashlib.sha256(f"{row['id']}/{place}".encode()).hexdigest()
    return phrasings[int(digest, 16) % len(phrasings)]
