"""The answer derived anew: every box from the raw mask, every instance that belongs in it, and none that does not."""

from collections.abc import Iterable

from cgc_data.validate.boxes import furthest
from cgc_data.validate.follow import BOX_TOLERANCE, FollowCheck
from cgc_data.validate.limits import Limits
from cgc_data.validate.raw import Instance
from cgc_data.validate.report import Ledger
from cgc_data.validate.samples import Box, Sample, Target, View
from cgc_data.validate.world import World

CHECKS = {
    "annotations": "every object is a known single instance of the asked category in the photo shown",
    "true boxes": "every box is within 1/1000 of the tight box of the mask inside the view",
    "visible share": "`visible` is the share of the mask inside the view, and at least the limit",
    "set complete": "every visible instance is in the answer, none is ambiguous, no crowd, all are boxed",
    "one instance": "a question for one object has exactly one in exactly one image",
    "same object": "one instance in two views, a sibling in both, a reference that cannot be copied",
    "roles": "a target view shows the target, a distractor does not; no photo twice",
}
SHARE_TOLERANCE = 0.01


class TruthCheck:
    """Derives the truth of one sample at a time from the raw annotations."""

    def __init__(self, ledger: Ledger, limits: Limits, world: World) -> None:
        self._ledger, self._limits, self._world = ledger, limits, world
        self._follow = FollowCheck(limits, world)

    def check(self, sample: Sample) -> None:
        """All that the answer claims to be there, and that nothing is left out."""
        for target in sample.objects:
            self._object(sample, target)
        if sample.contrast == "inter":
            self._roles(sample)
        if sample.task == "locate":
            shown = {target.img_idx for target in sample.objects}
            message = f"{len(sample.objects)} objects in images {sorted(shown)}"
            self._ledger.require(len(sample.objects) == 1, "one instance", sample.id, message)
        if sample.task == "same_object":
            for fault in self._follow.faults(sample) or [""]:
                self._ledger.require(not fault, "same object", sample.id, fault)
        else:
            self._sets(sample)
        if sample.task == "absent":
            if sample.contrast == "intra":
                self._in_photo(sample)
            self._ledger.require(not sample.objects, "one instance", sample.id, "an absent row with objects")
        elif not sample.objects:
            self._ledger.breach("one instance", sample.id, f"a {sample.task} row without objects")

    def _object(self, sample: Sample, target: Target) -> None:
        view = sample.view(target.img_idx)
        found = self._world.instance(target.annotation_id)
        fault = self._unfit(found, target, view)
        where = f"{target.annotation_id} in image {target.img_idx}"
        if not self._ledger.require(not fault, "annotations", sample.id, f"{where}: {fault}") or found is None:
            return
        sight = self._world.sight(found, view, self._limits.margin)
        if sight.box is None:
            self._ledger.require(
                False, "true boxes", sample.id, f"{where}: nothing of it is inside the window, or no mask says what"
            )
            return
        true = view.thousand(view.place(sight.box))
        apart = max(furthest(true, target.bbox), furthest(true, view.thousand(target.bbox_px)))
        message = f"{where}: {target.bbox}, the mask says {tuple(round(value, 1) for value in true)}"
        self._ledger.require(apart <= BOX_TOLERANCE + 1e-6, "true boxes", sample.id, message)
        right = abs(sight.share - target.visible) <= SHARE_TOLERANCE and sight.state(self._limits.visible) == "visible"
        message = f"{where}: visible {target.visible:.3f}, the mask says {sight.share:.3f}"
        self._ledger.require(right, "visible share", sample.id, message)

    def _unfit(self, found: Instance | None, target: Target, view: View) -> str:
        if found is None:
            return "no such annotation"
        if self._world.photo(found) != self._world.photo(view):
            return f"it is of photo {self._world.photo(found)}, the view shows {self._world.photo(view)}"
        if found.crowd or found.concept != self._world.concept(target.label):
            return f"it is {'a crowd' if found.crowd else found.concept}, not a {target.label}"
        return self._misdrawn(found, view)

    def _misdrawn(self, found: Instance, view: View) -> str:
        source = self._world.sources[found.source]
        if source.size(found.image_id) != self._world.sources[view.source].size(view.image_id):
            return "its sources differ about the size of the photo"
        whole = source.whole_box(found.number) if found.has_mask else found.box
        return "" if whole and _agrees(whole, found.box) else f"its mask spans {whole}, its annotated box {found.box}"

    def _roles(self, sample: Sample) -> None:
        photos = [self._world.photo(view) for view in sample.views]
        self._ledger.require(len(set(photos)) == len(photos), "roles", sample.id, "a photo is shown twice")
        shown = {target.img_idx for target in sample.objects}
        for number, view in enumerate(sample.views, 1):
            expected = "target" if number in shown else "distractor"
            message = f"image {number} is called {view.role}, but is a {expected}"
            self._ledger.require(view.role == expected, "roles", sample.id, message)

    def _sets(self, sample: Sample) -> None:
        for label in sample.labels:
            for number in range(1, len(sample.views) + 1):
                if sample.targets(number, label) or sample.contrast == "intra":
                    for fault in self._incomplete(sample, number, label) or [""]:
                        message = f"image {number}, {label}: {fault}"
                        self._ledger.require(not fault, "set complete", sample.id, message)

    def _in_photo(self, sample: Sample) -> None:
        photos = {self._world.photo(view) for view in sample.views}
        concept = self._world.concept(sample.labels[0]) or ""
        found = [fact for photo in photos for fact in self._world.facts(photo, concept) if fact.instances]
        message = f"{sample.labels[0]} is nowhere in the photo, so its absence from windows is no contrast"
        self._ledger.require(bool(found), "set complete", sample.id, message)

    def _incomplete(self, sample: Sample, number: int, label: str) -> list[str]:
        view, concept = sample.view(number), self._world.concept(label) or ""
        photo = self._world.photo(view)
        if reason := self._world.incomplete(photo, concept):
            return [] if self._world.absent(photo, concept) and not sample.targets(number, label) else [reason]
        answered = [target.annotation_id for target in sample.targets(number, label)]
        boxed = self._boxed(photo, concept, answered)
        faults = [f"{name} is answered twice" for name in {a for a in answered if answered.count(a) > 1}]
        for instance in boxed:
            state = self._world.sight(instance, view, self._limits.margin).state(self._limits.visible)
            if state == "ambiguous":
                faults.append(f"{instance.id} is neither visible nor gone")
            elif (state == "visible") != (instance.id in answered):
                faults.append(f"{instance.id} is {state}, but {'not ' * (state == 'visible')}answered")
        strays = set(answered) - {instance.id for instance in boxed}
        return faults + [f"{name} is not an instance of one and the same source" for name in strays]

    def _boxed(self, photo: str, concept: str, answered: Iterable[str]) -> tuple[Instance, ...]:
        """Instances of the one source that the answer takes its boxes from (any that boxes all, if it has none)."""
        keys = {name.rpartition(":")[0] for name in answered}
        whole = [fact for fact in self._world.facts(photo, concept) if fact.status == "all"]
        named = [fact for fact in whole if fact.source.key in keys]
        return (named or whole)[0].instances


def _agrees(mask: Box, box: Box) -> bool:
    """Do mask and annotation tell of one box, within 2 px and 1 % of its longer side?"""
    longer = max(box[2] - box[0], box[3] - box[1])
    return furthest(mask, box) <= 2 + 0.01 * longer + 1e-6
