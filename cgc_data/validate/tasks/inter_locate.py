"""Checks `inter/locate` rows, in which only one photo shows the label, and it shows a single instance."""

from collections.abc import Iterator

from cgc_data.validate.hard import hard_distractors
from cgc_data.validate.limits import Limits
from cgc_data.validate.report import Finding
from cgc_data.validate.samples import Sample
from cgc_data.validate.sets import complete, roles
from cgc_data.validate.world import World


def check(sample: Sample, world: World, limits: Limits) -> Iterator[Finding]:
    """Check that the answer is one object, and that its view shows no other instance.

    Also check that views have the right roles.
    """
    yield from roles(sample, world)
    yield from hard_distractors(sample, world)
    images = sorted({target.img_idx for target in sample.objects})
    fault = "" if len(sample.objects) == 1 else f"{len(sample.objects)} objects in images {images}"
    yield Finding("one instance", fault)
    yield from complete(sample, world, limits)
