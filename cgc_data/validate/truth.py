"""Derives the answer of each row again: computes every box from its raw mask, and runs the check of the row's task."""

from cgc_data.validate import hard, sets
from cgc_data.validate.boxes import BOX_TOLERANCE, furthest
from cgc_data.validate.limits import Limits
from cgc_data.validate.raw import Instance
from cgc_data.validate.report import Ledger
from cgc_data.validate.samples import Box, Sample, Target, View
from cgc_data.validate.tasks import check_of, task_checks
from cgc_data.validate.world import World

CHECKS = {
    "annotations": (
        "every object of the answer is an annotated single instance of the requested category in the displayed photo"
    ),
    "true boxes": (
        "every box matches the tight box of the mask inside the view, with a tolerance of 1/1000 of the image size"
    ),
    "visible share": (
        "`visible` is the share of the mask that is inside the view, and it is at least the minimum of the release"
    ),
    **sets.CHECKS,
    **hard.CHECKS,
    **task_checks(),
}
SHARE_TOLERANCE = 0.01


class TruthCheck:
    """Derives the true answer from the raw annotations, one sample at a time."""

    def __init__(self, ledger: Ledger, limits: Limits, world: World) -> None:
        self._ledger, self._limits, self._world = ledger, limits, world

    def check(self, sample: Sample) -> None:
        """Check that everything in the answer is true, and that the answer is complete.

        If a row has no label, its answer is not an annotated instance. Such an answer is verified only by the check of
        the task.
        """
        for target in sample.objects if sample.labels else ():
            self._object(sample, target)
        for check, fault in check_of(sample.kind)(sample, self._world, self._limits):
            self._ledger.require(not fault, check, sample.id, fault)

    def _object(self, sample: Sample, target: Target) -> None:
        view = sample.view(target.img_idx)
        found = self._world.instance(target.annotation_id)
        fault = self._unfit(found, sample, target)
        where = f"{target.annotation_id} in image {target.img_idx}"
        if not self._ledger.require(not fault, "annotations", sample.id, f"{where}: {fault}") or found is None:
            return
        contradiction = self._world.contradiction(self._world.photo(found), found.concept)
        self._ledger.require(not contradiction, "contradictions", sample.id, f"{where}: {contradiction}")
        sight = self._world.sight(found, view, self._limits.margin)
        if sight.box is None:
            self._ledger.require(
                False, "true boxes", sample.id, f"{where}: not inside the window, or no mask shows which part is"
            )
            return
        true = view.thousand(view.place(sight.box))
        apart = max(furthest(true, target.bbox), furthest(true, view.thousand(target.bbox_px)))
        message = f"{where}: {target.bbox}, the mask gives {tuple(round(value, 1) for value in true)}"
        self._ledger.require(apart <= BOX_TOLERANCE + 1e-6, "true boxes", sample.id, message)
        right = abs(sight.share - target.visible) <= SHARE_TOLERANCE and sight.state(self._limits.visible) == "visible"
        message = f"{where}: visible {target.visible:.3f}, the mask gives {sight.share:.3f}"
        self._ledger.require(right, "visible share", sample.id, message)

    def _unfit(self, found: Instance | None, sample: Sample, target: Target) -> str:
        view = sample.view(target.img_idx)
        if found is None:
            return "no such annotation"
        if self._world.photo(found) != self._world.photo(view):
            return f"the object is in photo {self._world.photo(found)}, but the view shows {self._world.photo(view)}"
        asked = sample.labels[0] if sample.written_label else target.label
        if found.crowd or found.concept != self._world.concept(asked):
            return f"the object is {'a crowd' if found.crowd else found.concept}, not a {asked}"
        return self._misdrawn(found, view)

    def _misdrawn(self, found: Instance, view: View) -> str:
        source = self._world.sources[found.source]
        if source.size(found.image_id) != self._world.sources[view.source].size(view.image_id):
            return "the sources disagree about the size of the photo"
        whole = source.whole_box(found.number) if found.has_mask else found.box
        return (
            ""
            if whole and _agrees(whole, found.box)
            else (f"the mask spans {whole}, but the annotated box is {found.box}")
        )


def _agrees(mask: Box, box: Box) -> bool:
    """Whether the mask's box matches the annotated box, with a tolerance of 2 px plus 1 % of the longer side."""
    longer = max(box[2] - box[0], box[3] - box[1])
    return furthest(mask, box) <= 2 + 0.01 * longer + 1e-6
