"""Checks licenses. Each view must have the license that its source records, and the release must allow this license."""

import re

from cgc_data.release.manifest import Manifest
from cgc_data.validate.report import Ledger
from cgc_data.validate.samples import Part, Sample, View
from cgc_data.validate.world import World

CHECKS = {
    "licenses": (
        "licenses match the source and the manifest, and no photo under a no-derivatives license is cropped or changed"
    )
}
# Matched against the complete URL: a URL on another host that merely contains one of these is not a license.
HOST = r"https?://(?:www\.)?"
COMMONS = HOST + r"creativecommons\.org/"
PERMISSIVE = re.compile(
    rf"{COMMONS}(licenses/(by(-sa)?|publicdomain)|publicdomain/(zero|mark)/1\.0)(/[\w./-]*)?"
    rf"|{HOST}flickr\.com/commons/usage/?|{HOST}usa\.gov/(copyright\.shtml|government-(copyright|works))/?",
    re.I,
)
RESTRICTED = re.compile(rf"{COMMONS}licenses/by-n[cd](-\w+)?(/[\w./-]*)?", re.I)
KINDS = ("free", "by", "sa", "nc", "nc-sa")
NO_DERIVATIVES = re.compile(rf"{COMMONS}licenses/by(-nc)?-nd(/[\w./-]*)?", re.I)


class LicenseCheck:
    """Checks the licenses of the photos, one sample at a time."""

    def __init__(self, ledger: Ledger, world: World, manifest: Manifest) -> None:
        self._ledger, self._world = ledger, world
        self._policy = manifest.get("licenses", "all")

    def check(self, sample: Sample) -> None:
        """Check all views of a sample."""
        for number, view in enumerate(sample.views, 1):
            shown: tuple[View | Part, ...] = (view, *view.parts)
            for part in shown:
                fault = self._fault(part, adapted=bool(view.operations))
                self._ledger.require(not fault, "licenses", sample.id, f"image {number}: {fault}")
        composed = {part.license_url for view in sample.views if len(view.parts) > 1 for part in view.parts}
        fault = _not_composable(composed, sample.composite_license)
        self._ledger.require(not fault, "licenses", sample.id, fault)

    def _fault(self, shown: View | Part, *, adapted: bool) -> str:
        url, recorded = shown.license_url, self._world.sources[shown.source].license_url(shown.image_id)
        if url != recorded:
            return f"the license is {url!r}, but the source records {recorded!r}"
        if NO_DERIVATIVES.fullmatch(url) and adapted:
            return f"{url} forbids windows and other changes"
        if self._policy == "all" or PERMISSIVE.fullmatch(url):
            return ""
        within = self._policy == "noncommercial" and RESTRICTED.fullmatch(url)
        return "" if within else f"{url!r} is not within licenses={self._policy}"


def _not_composable(urls: set[str], stated: str) -> str:
    """The reason why photos under these licenses cannot be combined into a composite under the stated license.

    The result is "" if they can be combined.
    """
    if not urls:
        return "" if not stated else f"the view states the composite license {stated}, but is not a composite"
    kinds = {url: _kind(url) for url in urls}
    if forbidden := sorted(url for url, kind in kinds.items() if not kind):
        return f"{forbidden[0]!r} does not allow composites"
    if "sa" in kinds.values() and {"nc", "nc-sa"} & set(kinds.values()):
        return f"the licenses do not permit composites: {sorted(urls)}"
    strictest = max(KINDS.index(kind) for kind in kinds.values())
    due = sorted(url for url, kind in kinds.items() if KINDS.index(kind) == strictest)
    return (
        ""
        if stated in due
        else (f"the view states {stated!r} as the license of a composite, but it must be {due[-1]!r}")
    )


def _kind(url: str) -> str:
    """The kind of license, one of `KINDS`, that adaptations of a photo with this license must have.

    The result is "" if the license allows no adaptations or is unknown.
    """
    element = re.fullmatch(rf"{COMMONS}licenses/by(?:-(sa|nc|nc-sa))?/[\w./-]*", url, re.I)
    if element:
        return (element[1] or "by").lower()
    return "free" if PERMISSIVE.fullmatch(url) else ""
