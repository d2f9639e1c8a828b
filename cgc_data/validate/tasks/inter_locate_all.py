"""`inter/locate_all`: every instance in all photos."""

from collections.abc import Iterator

from cgc_data.validate.hard import hard_distractors
from cgc_data.validate.limits import Limits
from cgc_data.validate.report import Finding
from cgc_data.validate.samples import Sample
from cgc_data.validate.sets import complete, roles, some_object
from cgc_data.validate.world import World


def check(sample: Sample, world: World, limits: Limits) -> Iterator[Finding]:
    """Check for at least one object, all of them in their views, and the roles that follow from them."""
    yield from roles(sample, world)
    yield from hard_distractors(sample, world)
    yield from complete(sample, world, limits)
    yield from some_object(sample)
