"""Checks `intra/locate_all` rows, which ask for every instance in each window."""

from collections.abc import Iterator

from cgc_data.validate.limits import Limits
from cgc_data.validate.report import Finding
from cgc_data.validate.samples import Sample
from cgc_data.validate.sets import complete, some_object
from cgc_data.validate.world import World


def check(sample: Sample, world: World, limits: Limits) -> Iterator[Finding]:
    """Check that the answer is not empty, and that it contains every object that is visible in a window."""
    yield from complete(sample, world, limits, everywhere=True)
    yield from some_object(sample)
