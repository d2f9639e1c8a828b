"""The dataset card and the license file of a release, rendered from its manifest and statistics.

This module prepares the values. The text itself comes from the templates in `cards/`.
"""

import re
from typing import Any

import yaml

from cgc_data.licenses import license_address, license_class, web_link
from cgc_data.look.dataset_info import configurations
from cgc_data.look.difference import Difference
from cgc_data.look.load import first_part, load_call
from cgc_data.look.metadata import card_metadata, from_coco
from cgc_data.look.plots import plot_captions
from cgc_data.look.prose import as_yaml, render
from cgc_data.plan.asked import Made, asked_of, compare
from cgc_data.release.manifest import Exclusions, Manifest, SourceRecord
from cgc_data.release.paths import base_name, without_paths
from cgc_data.release.schema import SPLITS
from cgc_data.release.stats import Stats
from cgc_data.sources.formats import FORMATS
from cgc_data.sources.formats.format import Format
from cgc_data.sources.formats.protocol import Exhaustive
from cgc_data.tasks import CONTRASTS, TASKS
from cgc_data.tasks.mig_bench import FORMS

ANSWERS = {"one": "one object", "set": "a set", "empty": "`[]`"}
LICENSE_NAMES = {
    "flickr.com/commons/usage": "No known copyright restrictions (Flickr Commons)",
    "usa.gov/": "Work of the United States government",
    "creativecommons.org/publicdomain/zero": "CC0",
    "creativecommons.org/publicdomain/mark": "Public domain",
}


def render_card(
    manifest: Manifest,
    stats: Stats,
    *,
    repo_id: str | None = None,
    tag: str | None = None,
    changes: Difference | None = None,
) -> str:
    """README.md of a release: its dataset card.

    The commands in the card load the dataset `repo_id` at the revision `tag`. If `repo_id` is None, the commands refer
    to the folder in which you run them. `changes` lists the changes since the previous version.
    """
    files = manifest.get("files", {})
    return render(
        "dataset_card.md.j2",
        **facts(manifest, stats, repo_id, tag),
        front_matter=yaml.safe_dump(card_metadata(manifest, stats), sort_keys=False, allow_unicode=True, width=1000),
        changes=changes,
        load=load_call(manifest, repo_id, tag, split=first_part(manifest)[1]),
        sources=[_source(source) for source in manifest["sources"]],
        plots={n: c for n, c in plot_captions().items() if not files or f"assets/{n}" in files},
        protocols=[form.protocol.meaning for form in _explained(manifest, stats)],
        config=as_yaml(without_paths(manifest["config"])),
        tasks=[(task, ANSWERS[task.answer]) for task in TASKS.values() if task.id in stats["by_task"]],
        forms=[(form, [task for task in form.tasks if task in stats["by_task"]]) for form in FORMS],
        shares=list(compare(config, Made.of(stats))) if (config := asked_of(manifest["config"])) else [],
        empty=Made.of(stats).empty,
        splits=[s for s in SPLITS if s in stats["by_split"]],
        excluded=_excluded(manifest["exclusions"]),
        citation=citation(manifest, repo_id, tag),
    )


def render_license(manifest: Manifest, stats: Stats) -> str:
    """LICENSE.md of a release. The metadata of the dataset card links to this file."""
    return render("license.md.j2", **facts(manifest, stats))


def citation(manifest: Manifest, repo_id: str | None = None, tag: str | None = None) -> str:
    """BibTeX entry of a release."""
    version = manifest["created_with"].get("cgc-grounding", "")
    return render(
        "citation.bib.j2", manifest=manifest, release=repo_id, on_hub=repo_id is not None, tag=tag, version=version
    )


def _explained(manifest: Manifest, stats: Stats) -> list[Format]:
    """The formats of this release's annotation files. The card explains how each of them proves absence.

    A format that applies only to COCO photos is included only if the release shows COCO photos.
    """
    used = [form for name, form in FORMATS.items() if name in formats(manifest)]
    return [form for form in used if from_coco(stats) or not _of_coco_photos(form)]


def _of_coco_photos(form: Format) -> bool:
    protocol = form.protocol
    return form.coco_photos or (isinstance(protocol, Exhaustive) and bool(protocol.naming))


def facts(manifest: Manifest, stats: Stats, repo_id: str | None = None, tag: str | None = None) -> dict[str, Any]:
    """Values that several templates use."""
    shared: dict[str, Any] = {
        "manifest": manifest,
        "stats": stats,
        "release": repo_id or ".",
        "tag": tag,
        "on_hub": repo_id is not None,
        "flickr": from_coco(stats),
        "embedded": manifest["image_mode"] == "embed",
        "formats": formats(manifest),
        "contrasts": configurations(manifest)["default"],
        "about": {name: CONTRASTS[name].meaning for name in configurations(manifest)["default"]},
        "licenses": [{**license, **_license(license["url"])} for license in stats["licenses"]],
        "restricted": any(
            license_class(license["url"]) not in ("permissive", "share_alike") for license in stats["licenses"]
        ),
    }
    return shared | {"rai": _responsible_ai(manifest, stats, shared)}


def formats(manifest: Manifest) -> set[str]:
    """Formats of the annotation files."""
    return {source["kind"] for source in manifest["sources"]}


def _responsible_ai(manifest: Manifest, stats: Stats, shared: dict[str, Any]) -> dict[str, Any]:
    """Provenance and intended use of a release, in the terms of Croissant's responsible-AI vocabulary."""
    exclusions = manifest.get("exclusions", {})
    sources = [_source(source) for source in manifest["sources"]]
    text = render(
        "responsible_ai.yaml.j2",
        **shared,
        raw="; ".join(f"{s['annotations']} ({s['kind'].upper()} format, sha256 {s['sha256']})" for s in sources)
        or "not recorded",
        rejected=sum(manifest.get("rejected", {}).values()),
        excluded=exclusions.get("listed", 0) + exclusions.get("near_duplicates", 0),
        tool=f"cgc-grounding {manifest['created_with'].get('cgc-grounding', '')}".strip(),
        wordings=len(stats["by_template"]),
    )
    return dict(yaml.safe_load(text))


def license_name(url: str) -> str:
    """Readable name of the license at a URL, such as "CC BY-SA 2.0"; the URL itself if the license is unknown."""
    address = license_address(url)
    if found := re.match(r"creativecommons\.org/licenses/([a-z-]+)/([\d.]+)(/|$)", address):
        return f"CC {found[1].upper()} {found[2]}"
    names = (name for start, name in LICENSE_NAMES.items() if address.startswith(start))
    return next(names, url or "not stated by the source")


def _license(url: str) -> dict[str, str]:
    return {"name": license_name(url), "link": web_link(url)}


def _excluded(exclusions: Exclusions) -> dict[str, object]:
    """The exclusions of a release.

    `files` contains the base names of the exclusion lists, and `listed` is the number of photos that these lists
    excluded. `like` contains the base names of folders with photos whose near-duplicates were excluded, and
    `near_duplicates` is the number of these near-duplicates.
    """
    return {
        "files": [base_name(name) for name in exclusions.get("files", [])],
        "like": [base_name(name) for name in exclusions.get("like", [])],
        "listed": exclusions.get("listed", 0),
        "near_duplicates": exclusions.get("near_duplicates", 0),
    }


def _source(source: SourceRecord) -> SourceRecord:
    return {**source, "annotations": base_name(source["annotations"]), "images": base_name(source["images"])}
