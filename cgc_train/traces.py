"""Reasoning traces by rule, for the warm-up on the answer format: true for the row, and without a coordinate.

A trace goes through the images in order and says of each only what the row's objects and evidence warrant.
Simplifies: it names what is seen, not how it is told from what is not.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from cgc_data.answer import format_response
from cgc_data.answer.prompt import Message
from cgc_data.answer.wording import NUMBER_WORDS
from cgc_data.release.rows import Row, answer_objects
from cgc_data.tasks import answer_of_pool, task_of
from cgc_data.vocabulary import Name, readable
from cgc_train.reward.settings import PromptSettings

# Every phrasing says the same; {what} is "a dog", "two dogs" or "a dog and two cats", {nothing} "no dog".
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
FOUND = ("So I box {them} in {images}.", "The answer is in {images}.", "What is asked for is in {images}.")
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
    "So this very {counted} is what I look for in Image {b}.",
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


@dataclass(frozen=True)
class Sight:
    """What a row warrants about one image (numbered from 1): labels with how many are boxed, and labels not there."""

    image: int
    shown: Mapping[str, int]
    lacking: Sequence[str]


def sights(row: Row) -> list[Sight]:
    """What is known of each image, in order; an image about which the row warrants nothing has no entry."""
    counts = Counter((o["img_idx"], o["label"]) for o in row["objects"])
    lacking = {(e["img_idx"], e["label"]) for e in row["evidence"]} - counts.keys()
    found = []
    for image in range(1, len(row["views"]) + 1):
        shown = {label: counts[image, label] for label in row["query"]["labels"] if counts[image, label]}
        absent = [label for label in row["query"]["labels"] if (image, label) in lacking]
        if shown or absent:
            found.append(Sight(image, shown, absent))
    return found


def trace(row: Row) -> str:
    """Reasoning for a row of a release: a few sentences, the same for the same row, its phrasing chosen by its id.

    It names images by their number and says in words how many are seen; it has no coordinate and no tag.
    """
    return " ".join(_follow(row) if task_of(row).both_ways else _search(row))


def completion(row: Row, prompt: PromptSettings) -> list[Message]:
    """The message of a perfect answer in the form that the prompt asks for, as TRL takes it.

    With `prompt.think` the trace stands before the answer; what the chat template writes itself is left out.
    """
    objects = answer_objects(row["objects"])
    text = format_response(objects, trace(row) if prompt.think else "").removeprefix(prompt.prefix.strip())
    return [{"role": "assistant", "content": [{"type": "text", "text": text}]}]


def _search(row: Row) -> Iterator[str]:
    names = [readable(label) for label in row["query"]["labels"]]
    yield _pick(OPENINGS, row, "opening").format(sought=_list([_sought(name, row) for name in names]))
    for sight in sights(row):
        yield _seen(sight, row)
    if not row["objects"]:
        yield _pick(NOWHERE, row, "end")
        return
    yield _found(row)


def _found(row: Row) -> str:
    images = sorted({o["img_idx"] for o in row["objects"]})
    them = "it" if len(row["objects"]) == 1 else "them"
    return _pick(FOUND, row, "end").format(them=them, images=_list([f"Image {image}" for image in images]))


def _follow(row: Row) -> Iterator[str]:
    """From the given box to the image that the question names, or through all images but that of the box."""
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


def _seen(sight: Sight, row: Row) -> str:
    what = [_counted(readable(label), count) for label, count in sight.shown.items()]
    nothing = [f"no {readable(label).counted}" for label in sight.lacking]
    kind = f"image {sight.image}"
    if not what:
        return _pick(UNSEEN, row, kind).format(k=sight.image, nothing=_list(nothing))
    be = "is" if next(iter(sight.shown.values())) == 1 else "are"
    return _pick(SEEN, row, kind).format(k=sight.image, what=_list([*what, *nothing]), be=be)


def _sought(name: Name, row: Row) -> str:
    """By the phrasing, not the task: an absent row must not tell itself by how its trace begins."""
    return name.plural if answer_of_pool(row["template_id"].partition("/")[0]) == "set" else name.indefinite


def _counted(name: Name, count: int) -> str:
    """ "a dog", "two dogs"; more than words go to are "many dogs"."""
    if count == 1:
        return name.indefinite
    return f"{NUMBER_WORDS[count] if count < len(NUMBER_WORDS) else 'many'} {name.plural}"


def _list(parts: Sequence[str]) -> str:
    """ "a", "a and b", "a, b and c"."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _pick(phrasings: Sequence[str], row: Row, place: str) -> str:
    digest = hashlib.sha256(f"{row['id']}/{place}".encode()).hexdigest()
    return phrasings[int(digest, 16) % len(phrasings)]
