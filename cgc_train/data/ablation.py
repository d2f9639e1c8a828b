"""The ablation "no distractor contrast", in which each row shows only the images that contain its answer.

Most of these rows have a single image. Each question is rephrased to fit the number of remaining images.
"""

import hashlib
from collections.abc import Sequence

from cgc_data.answer import ANSWER_FORM, build_messages, format_answer
from cgc_data.answer.wording import ask, number_word, referred
from cgc_data.common.errors import PlanError
from cgc_data.release.rows import ObjectRow, Row, answer_objects
from cgc_data.tasks import answer_of_pool
from cgc_data.vocabulary import Name, readable

# Phrasings by kind of answer; unlike the phrasings in a release, they are also valid for one image. {shown}: "this
# image" or, for example, "these two images"
PHRASINGS = {
    "one": (
        "Where {are} the {singular} in {shown}? If there {are} none, answer with an empty list.",
        "Find the {singular} in {shown}, or answer with an empty list if there {are} none.",
    ),
    "set": (
        "Find every {counted} in {shown}. If there are none, answer with an empty list.",
        "Box all {plural} in {shown}, or answer with an empty list if there are none.",
    ),
}
SINGLED_OUT = ("Find the {referred} in {shown}.", "Where in {shown} is the {referred}?")


def without_distractors(row: Row) -> Row:
    """Keep only the images of a row that contain its answer, and renumber them. The id and difficulty do not change.

    A row stays unchanged if its question states which image contains the answer, if one of its images is a reference
    image, or if its question names no label. A row with an empty answer keeps one image, selected by a hash of the
    row's id. Its paired row, whose answer is not empty, usually keeps one image too. Rows with an empty answer are kept
    so that the model still learns to answer with an empty list.
    """
    kept = _kept(row)
    if len(kept) == len(row["views"]):
        return row
    number = {old: new for new, old in enumerate(kept, 1)}
    objects: list[ObjectRow] = [{**o, "img_idx": number[o["img_idx"]]} for o in row["objects"]]
    question = _question(row, len(kept))
    shown: Row = {
        **row,
        "views": [row["views"][old - 1] for old in kept],
        "question": question,
        "prompt": build_messages(question, len(kept)),
        "answer": format_answer(answer_objects(objects)),
        "objects": objects,
        "answer_images": list(range(1, len(kept) + 1)),
        "evidence": [{**e, "img_idx": number[e["img_idx"]]} for e in row["evidence"] if e["img_idx"] in number],
    }
    if row.get("images"):  # rows can be read without images
        shown["images"] = [row["images"][old - 1] for old in kept]
    return shown


def _kept(row: Row) -> list[int]:
    """The 1-based numbers of the images to keep."""
    everything = range(1, len(row["views"]) + 1)
    if row["query"]["img_idx"] is not None or row["reference_images"] or not row["query"]["labels"]:
        return list(everything)
    held = {o["img_idx"] for o in row["objects"]}
    return sorted(held or {everything[_hash(row["id"]) % len(everything)]})


def _question(row: Row, count: int) -> str:
    """Rephrase the question for `count` images. The original phrasing is kept if it is known and fits this number of
    images.
    """
    names = [readable(label) for label in row["query"]["labels"]]
    if _asked(row, names, len(row["views"])) == row["question"] and (question := _asked(row, names, count)):
        return question
    name, relation = names[0], row["query"]["relation"]
    pool = SINGLED_OUT if relation else PHRASINGS[answer_of_pool(row["template_id"].partition("/")[0])]
    sentence = pool[_hash(row["id"]) % len(pool)].format(
        singular=name.singular,
        plural=name.plural,
        counted=name.counted,
        are=name.are,
        referred=referred(name, relation),
        shown="this image" if count == 1 else f"these {number_word(count)} images",
    )
    return f'{sentence} {ANSWER_FORM} Write the label as "{name.singular}".'


def _asked(row: Row, names: Sequence[Name], count: int) -> str:
    """Build the question for `count` images, with the same phrasing as in the release. Returns "" if the phrasing is
    unknown or does not fit `count` images.
    """
    pool, _, number = row["template_id"].partition("/")
    try:
        return ask(pool, int(number), names, count_images=count, relation=row["query"]["relation"])
    except (PlanError, ValueError):
        return ""


def _hash(identity: str) -> int:
    return int(hashlib.sha256(identity.encode()).hexdigest(), 16)
