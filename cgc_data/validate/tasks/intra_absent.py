"""Checks `intra/absent` rows, whose label is in the photo but in none of the windows."""

from collections.abc import Iterator

from cgc_data.validate.limits import Limits
from cgc_data.validate.report import Finding
from cgc_data.validate.samples import Sample
from cgc_data.validate.sets import complete, no_object
from cgc_data.validate.world import World


def check(sample: Sample, world: World, limits: Limits) -> Iterator[Finding]:
    """Check that the photo shows an object with the label, and that no window shows one."""
    yield from complete(sample, world, limits, everywhere=True)
    yield _in_photo(sample, world)
    yield no_object(sample)


def _in_photo(sample: Sample, world: World) -> Finding:
    label, photos = sample.labels[0], {world.photo(view) for view in sample.views}
    found = any(fact.instances for photo in photos for fact in world.facts(photo, world.concept(label) or ""))
    fault = f"{label} is nowhere in the photo, so its absence from windows proves nothing"
    return Finding("set complete", "" if found else fault)
