"""Checks hard sets, in which distractors show another category with the same supercategory as the label.

A hard set needs a minimum number of these distractors. If the task requires evidence of absence, only distractors that
provably do not show the label count toward this number.
"""

from collections.abc import Iterator

from cgc_data.tasks.inter import HARD
from cgc_data.validate.report import Finding
from cgc_data.validate.samples import Sample
from cgc_data.validate.world import World

CHECKS = {
    "hard distractors": (
        "in a hard set, every distractor shows another category with the same supercategory as the label, and provably "
        "does not show the label; in a set of four or more images, at least half of the distractors do so"
    )
}
ALL_BELOW = 4  # with this number of images or more, half of the distractors are enough


def hard_distractors(sample: Sample, world: World) -> Iterator[Finding]:
    """For each label of a hard row, check that enough distractors show another category with the same supercategory."""
    for label in sample.labels if sample.distractors == HARD.name else ():
        concept = world.concept(label) or ""
        numbers = [n for n in sample.answer_images if not sample.targets(n, label)]
        photos = [world.photo(sample.view(n)) for n in numbers]
        # if no claims are due, the task's own check covers which images without a target may show the label
        free = [photo for photo in photos if not sample.kind.claims or world.absent(photo, concept)]
        alike = [photo for photo in free if _shows_relative(world, photo, concept)]
        due = len(numbers) if len(sample.answer_images) < ALL_BELOW else (len(numbers) + 1) // 2
        fault = (
            f"{label}: {len(alike)} of {len(numbers)} distractors show another category of its supercategory, but "
            f"{due} are needed"
        )
        yield Finding("hard distractors", "" if len(alike) >= due else fault)


def _shows_relative(world: World, photo: str, concept: str) -> bool:
    relations = world.relations
    kind = relations.supercategory(concept)
    others = world.present(photo) - relations.confusable(concept) - {concept}
    return bool(kind) and any(relations.supercategory(o) == kind for o in others)
