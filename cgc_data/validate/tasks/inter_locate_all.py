"""Checks `inter/locate_all` rows, which ask for every instance in all photos."""

from collections.abc import Iterator

from cgc_data.validate.hard import hard_distractors
from cgc_data.validate.limits import Limits
from cgc_data.validate.report import Finding
from cgc_data.validate.samples import Sample
from cgc_data.validate.sets import complete, roles, some_object
from cgc_data.validate.world import World


def check(sample: Sample, world: World, limits: Limits) -> Iterator[Finding]:
    """Check that views have the right roles, and that the answer contains at least one object.

    For each view that has an object in the answer, also check that the answer contains every instance in this view.
    """
    yield from roles(sample, world)
    yield from hard_distractors(sample, world)
    yield from complete(sample, world, limits)
    yield from some_object(sample)
