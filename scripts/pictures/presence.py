"""Draws pictures about the index: which categories a photo shows or lacks, and why a photo can be a distractor."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cgc_data.index.build import Index
from cgc_data.index.presence import ABSENT, STATE_NAMES, UNKNOWN
from cgc_data.look.sheets import GIVEN, TARGET, Style
from cgc_data.vocabulary import names_of
from scripts.panels import HEAD, TEXT, Line, Mark, Panel, beside, stack, strip
from scripts.pictures.world import World, best, upright

GOOD, BAD = Style("#12805c", 14), Style("#c4122f", 14)


def presence(world: World) -> Image.Image:
    """Draws four photos, one for each state of a category: all instances have boxes, some have boxes, the category is
    absent, or its presence is unknown.
    """
    index = world.index
    lvis = [i for i, table in enumerate(index.tables) if table.kind == "lvis"]
    listed = np.array([any(a.source in lvis for a in p.appearances) for p in index.photos])
    counts = np.array([((index.states == s) & listed[:, None]).sum(axis=0) for s in range(len(STATE_NAMES))])
    names = names_of(sorted(index.labelled))
    concept = best(
        (c for c in range(len(index.concepts)) if index.concepts[c] in names), lambda c: (counts[:, c].min(), -c)
    )
    name = names[index.concepts[concept]]
    reasons = (
        f"LVIS does not list this category for the photo. A {name.singular} may be present without a box, so the photo "
        "is never a distractor.",
        "",
        f"LVIS boxes {name.plural} here, but lists the category as not exhaustive: some may have no box.",
        f"LVIS boxes {name.plural} here, and does not list the category as not exhaustive: all have a box.",
    )
    panels = []
    for state in (3, 2, 1, 0):
        photos = np.flatnonzero((index.states[:, concept] == state) & listed)
        number = int(best(photos.tolist(), lambda p: (upright(index, p), _box_area(index, p, concept), -p)))
        boxes = tuple((tuple(box), TARGET, name.singular) for box in _boxes(index, number, concept).tolist())
        reason = reasons[state] or f"{_why(index, number, concept, name.singular)} The photo may be a distractor."
        panels.append(Panel(world.photo(number), ((STATE_NAMES[state], HEAD), (reason, TEXT)), boxes))
    head = f'What the annotations reveal about "{name.singular}" in four photos'
    return stack(strip(panels[:2], [(head, HEAD)], most=300), strip(panels[2:], most=300))


def _boxes(index: Index, photo: int, concept: int) -> NDArray[np.float64]:
    """Boxes of a concept in a photo, shape (instances, 4), as x1, y1, x2, y2 in pixels."""
    return index.instances.box[index.instances.of(photo, concept)]


def _box_area(index: Index, photo: int, concept: int) -> float:
    boxes = _boxes(index, photo, concept)
    return float(((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])).max(initial=0.0))


def _why(index: Index, photo: int, concept: int, label: str) -> str:
    warrant = index.warrant(photo, concept)
    rule, _, above = warrant.rule.partition(":")
    sentences = {
        "exhaustive": f"The annotation file boxes every {label}, and this photo has no {label} box.",
        "negative": f"LVIS verified that this photo shows no {label}.",
        "hypernym": f"No {above} here, so no {label} either.",
    }
    return sentences[rule]


def confusable(world: World) -> Image.Image:
    """Draws a photo that can be a distractor and one that cannot.

    For each photo, the picture lists a category and the categories that could be confused with it, and states whether
    the photo shows them.
    """
    index, names = world.index, names_of(world.index.concepts)
    absent = index.states == ABSENT

    def others(concept: int) -> list[int]:
        return [c for c in index.confusable(concept, labelled_only=False) if index.concepts[c] in names]

    def doubtful(concept: int) -> list[int]:
        some = (~absent[:, index.confusable(concept, labelled_only=False)]).any(axis=1)
        boxed = (index.states[:, others(concept)] > ABSENT).any(axis=1)
        return [int(p) for p in np.flatnonzero(absent[:, concept] & some & boxed)]

    def safe(concept: int) -> list[int]:
        clear = absent[:, index.confusable(concept, labelled_only=False)].all(axis=1)
        return [int(p) for p in np.flatnonzero(absent[:, concept] & clear)]

    asked_for = (c for c, key in enumerate(index.concepts) if key in index.labelled and 4 <= len(others(c)) <= 7)
    concept = best((c for c in asked_for if safe(c) and doubtful(c)), lambda c: (len(doubtful(c)), -c))
    strips = []
    for photos, verdict in ((safe(concept), "A safe distractor"), (doubtful(concept), "Never used")):
        number, label = best(photos, lambda p: (upright(index, p), -p)), names[index.concepts[concept]].singular
        lines: list[Line] = [(f'{verdict} for "{label}"', HEAD)]
        boxes: list[Mark] = []
        for other in [concept, *others(concept)]:
            singular = names[index.concepts[other]].singular
            if absent[number, other]:
                lines.append((f"✓ {singular}: {_why(index, number, other, singular)}", GOOD))
            elif index.states[number, other] == UNKNOWN:
                lines.append((f"✗ {singular}: unknown.", BAD))
            else:
                lines.append((f"✗ {singular}: the photo shows one, and it could be mistaken for the {label}.", BAD))
            boxes += [(tuple(b), GIVEN, singular) for b in _boxes(index, number, other).tolist()]
        strips.append(beside(Panel(world.photo(number), tuple(lines), tuple(boxes))))
    return stack(*strips)
