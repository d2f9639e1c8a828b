"""Every view's licence as its source records it, and no photo that the release says it does not publish."""

import re

from cgc_data.release.manifest import Manifest
from cgc_data.validate.report import Ledger
from cgc_data.validate.samples import Sample, View
from cgc_data.validate.world import World

CHECKS = {"licences": "as the source records them, within what the manifest says, no window of a no-derivatives photo"}
# Held against a whole address: what only contains one of these, on another host, is no licence.
HOST = r"https?://(?:www\.)?"
COMMONS = HOST + r"creativecommons\.org/"
PERMISSIVE = re.compile(
    rf"{COMMONS}(licenses/(by(-sa)?|publicdomain)|publicdomain/(zero|mark)/1\.0)(/[\w./-]*)?"
    rf"|{HOST}flickr\.com/commons/usage/?|{HOST}usa\.gov/(copyright\.shtml|government-(copyright|works))/?",
    re.I,
)
RESTRICTED = re.compile(rf"{COMMONS}licenses/by-n[cd](-\w+)?(/[\w./-]*)?", re.I)
NO_DERIVATIVES = re.compile(rf"{COMMONS}licenses/by(-nc)?-nd(/[\w./-]*)?", re.I)


class LicenceCheck:
    """Checks the views of one sample at a time."""

    def __init__(self, ledger: Ledger, world: World, manifest: Manifest) -> None:
        self._ledger, self._world = ledger, world
        self._policy = manifest.get("licences", "all")

    def check(self, sample: Sample) -> None:
        """All views of a sample."""
        for number, view in enumerate(sample.views, 1):
            fault = self._fault(sample, view)
            self._ledger.require(not fault, "licences", sample.id, f"image {number}: {fault}")

    def _fault(self, sample: Sample, view: View) -> str:
        recorded = self._world.sources[view.source].licence_url(view.image_id)
        if view.license_url != recorded:
            return f"licence {view.license_url!r}, the source says {recorded!r}"
        if self._policy == "all" or PERMISSIVE.fullmatch(view.license_url):
            return ""
        if NO_DERIVATIVES.fullmatch(view.license_url) and sample.kind.contrast.windows:
            return f"{view.license_url} forbids windows"
        within = self._policy == "noncommercial" and RESTRICTED.fullmatch(view.license_url)
        return "" if within else f"{view.license_url!r} is not within licences={self._policy}"
