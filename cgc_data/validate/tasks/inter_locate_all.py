"""Checks `inter/locate_all` rows, which ask for every instance in all photos."""

from collections.abc import Iterator

from cgc_data.validate.hard import hard_distractors
from cgc_data.validate.limits import Limits
from cgc_data.validate.report import Finding
from cgc_data.validate.samples import Sample
from cgc_data.validate.sets import complete, roles, some_object
from cgc_data.validate.world import World


def check(sample: Sample, world: World, limits: Limits) -> Iterator[Finding]:
    """Check the roles of the views, and that the answer contains every instance in each view in which it contains any
    instance.

    The answer must contain at least one object.
    """
    yield from roles(sample, world)
    yield from hard_distractors(sample, world)
    yield from complete(sample, world, limits)
    yield from some_object(sample)
