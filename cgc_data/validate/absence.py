"""Checks claims of absence. Each claim states why a view shows no object with a certain label.

Every claim is checked against the raw annotations. In addition, no view may show anything that can be confused with a
requested label.
"""

from collections import Counter
from functools import lru_cache

from cgc_data.validate.limits import Limits
from cgc_data.validate.protocols import PROTOCOLS
from cgc_data.validate.raw import RawSource
from cgc_data.validate.report import Ledger
from cgc_data.validate.samples import Claim, Sample, View
from cgc_data.validate.world import World

CHECKS = {
    "evidence": (
        "each view that does not show a requested label has exactly one claim of absence, and the raw annotations "
        "support this claim"
    ),
    "contradictions": (
        "no claim and no object of an answer relies on a photo for which the sources contradict each other about the "
        "category"
    ),
    "confusable in view": "no view is known to show anything that can be confused with the requested label",
    "confusable absent": "if a label is absent, everything that it can be confused with is absent too",
}


class AbsenceCheck:
    """Checks the claims of absence of one sample at a time."""

    def __init__(self, ledger: Ledger, limits: Limits, world: World) -> None:
        self._ledger, self._limits, self._world = ledger, limits, world
        self._confusable = lru_cache(maxsize=None)(self._list_confusable)

    def check(self, sample: Sample) -> None:
        """Check the claims of absence of a sample.

        If the task requires claims, every view that may contain an answer but does not show a requested label needs a
        valid claim. No view may show anything that can be confused with the label.
        """
        claims = Counter((claim.img_idx, claim.label) for claim in sample.evidence)
        for label in sample.labels:
            for number in sample.answer_images if sample.kind.claims else ():
                due = 0 if sample.targets(number, label) else 1
                message = (
                    f"image {number}, {label}: there are {claims[(number, label)]} claims of absence instead of {due}"
                )
                self._ledger.require(claims[(number, label)] == due, "evidence", sample.id, message)
            for number in range(1, len(sample.views) + 1):
                self._views(sample, number, label)
        for claim in sample.evidence:
            fault = self._broken(claim, sample.view(claim.img_idx))
            where = f"image {claim.img_idx}, {claim.label}"
            self._ledger.require(not fault, "evidence", sample.id, f"{where}: {claim.warrant}, but {fault}")
            self._backed(sample, claim, where)

    def _broken(self, claim: Claim, view: View) -> str | None:
        source, photo = self._world.sources.get(claim.source), self._world.photo(view)
        images = [image for key, image in self._world.appearances(photo) if key == claim.source]
        concept = self._world.concept(claim.label)
        if source is None or not images or concept is None:
            return f"source {claim.source} has no record of the photo"
        if claim.warrant == "outside_window":
            return self._outside(photo, concept, view) or self._shown(photo, concept, view, self._limits.margin)
        if any(fact.instances or fact.crowds for fact in self._world.facts(photo, concept)):
            return "the category is annotated in the photo"
        rule, _, name = claim.warrant.partition(":")
        if rule == "hypernym":
            return self._hypernym(source, images, concept, name)
        return _unwarranted(source, images, concept, rule)

    def _hypernym(self, source: RawSource, images: list[int], concept: str, name: str) -> str | None:
        above = {source.concept_of[n] for n, known in source.names.items() if known == name}
        above |= {c for c in (self._world.concept(name),) if c}
        proved = [c for c in above if c != concept and self._world.covers(source, c, concept)]
        if not proved:
            return f"{name} is not a category above it"
        faults = [_unwarranted(source, images, c, source.protocol.rule) for c in proved]
        return None if None in faults else f"{name} is not known to be absent"

    def _outside(self, photo: str, concept: str, view: View) -> str | None:
        if view.window == (0, 0, *self._world.sources[view.source].size(view.image_id)):
            return "the window shows the whole photo"
        return self._world.incomplete(photo, concept)

    def _shown(self, photo: str, concept: str, view: View, margin: int) -> str | None:
        """Return a fault if the window, expanded by `margin` pixels, shows any part of an instance or crowd of the
        concept.

        Return None if the window shows no such part.
        """
        for fact in self._world.facts(photo, concept):
            for instance in (*fact.instances, *fact.crowds):
                if fact.source.sight(instance.number, view.window, margin).near:
                    return f"{instance.id} is in the window or its margin"
        return None

    def _views(self, sample: Sample, number: int, label: str) -> None:
        concept, view = self._world.concept(label) or "", sample.view(number)
        photo = self._world.photo(view)
        faults = []
        for other in sorted(self._world.present(photo) & self._world.relations.confusable(concept)):
            if shown := self._shown(photo, other, view, 0):
                faults.append(f"image {number}, {label}, which is confusable with {other}: {shown}")
        for fault in faults or [""]:
            self._ledger.require(not fault, "confusable in view", sample.id, fault)

    def _backed(self, sample: Sample, claim: Claim, where: str) -> None:
        concept, view = self._world.concept(claim.label) or "", sample.view(claim.img_idx)
        photo = self._world.photo(view)
        fault = self._world.contradiction(photo, concept)
        self._ledger.require(not fault, "contradictions", sample.id, f"{where}: {fault}")
        if claim.warrant != "outside_window":
            fault = (
                None
                if self._world.absent(photo, concept)
                else ("the sources together do not prove that the category is absent")
            )
            self._ledger.require(not fault, "contradictions", sample.id, f"{where}: {fault}")
        for other in self._confusable(concept):
            gone = self._world.absent(photo, other) or self._out(photo, other, view)
            self._ledger.require(gone, "confusable absent", sample.id, f"{where}: {other} may be in the photo")

    def _out(self, photo: str, concept: str, view: View) -> bool:
        return not self._outside(photo, concept, view) and not self._shown(photo, concept, view, self._limits.margin)

    def _list_confusable(self, concept: str) -> tuple[str, ...]:
        """The concepts that must be absent if `concept` is absent: all concepts that can be confused with it. Unless
        `strict_confusable` is set, concepts that no source annotates are omitted.
        """
        names = self._world.relations.confusable(concept)
        return tuple(sorted(names if self._limits.strict_confusable else names & self._world.concepts))


def _unwarranted(source: RawSource, images: list[int], concept: str, rule: str) -> str | None:
    """None if the source proves by `rule` that the concept is absent; otherwise, the reason why it does not."""
    if any(source.instances(image, concept) for image in images):
        return "the category is annotated in the photo"
    known = (type(source.protocol), *PROTOCOLS)
    refusal = next((protocol.refusal for protocol in known if protocol.rule == rule), None)
    if refusal is None:
        return "no such warrant exists"
    return None if any(source.warrants(rule, image, concept) for image in images) else f"{source.key} {refusal}"
