"""Checks `inter/absent` rows, whose label is in none of the photos."""

from collections.abc import Iterator

from cgc_data.validate.hard import hard_distractors
from cgc_data.validate.limits import Limits
from cgc_data.validate.report import Finding
from cgc_data.validate.samples import Sample
from cgc_data.validate.sets import complete, no_object, roles
from cgc_data.validate.world import World


def check(sample: Sample, world: World, limits: Limits) -> Iterator[Finding]:
    """Check that the answer is empty.

    The module `absence` checks the evidence that no photo shows the label.
    """
    yield from roles(sample, world)
    yield from hard_distractors(sample, world)
    yield from complete(sample, world, limits)
    yield no_object(sample)
