"""The card of a release (README.md), rendered from its manifest and statistics with the template in `cards/`.

What the template needs is prepared here; all of its prose stays in the template.
"""

import hashlib
import importlib.resources
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePath

import jinja2
import yaml

from cgc_data.common.errors import ReleaseError
from cgc_data.licences import licence_address, licence_class, web_link
from cgc_data.look.load import first_part, load_call
from cgc_data.look.plots import plot_captions
from cgc_data.plan.asked import Made, asked_of, compare
from cgc_data.release.manifest import Exclusions, Manifest, SourceRecord
from cgc_data.release.paths import base_name, without_paths
from cgc_data.release.read import Release
from cgc_data.release.schema import SPLITS
from cgc_data.release.stats import Stats
from cgc_data.sources.formats import FORMATS
from cgc_data.tasks import CONTRASTS, TASKS
from cgc_data.tasks.mig_bench import FORMS

SIZES = (
    (1_000, "n<1K"),
    (10_000, "1K<n<10K"),
    (100_000, "10K<n<100K"),
    (1_000_000, "100K<n<1M"),
    (10_000_000, "1M<n<10M"),
)
ANSWERS = {"one": "one object", "set": "a set", "empty": "`[]`"}
LICENCE_NAMES = {
    "flickr.com/commons/usage": "No known copyright restrictions (Flickr Commons)",
    "usa.gov/": "Work of the United States government",
    "creativecommons.org/publicdomain/zero": "CC0",
    "creativecommons.org/publicdomain/mark": "Public domain",
}


def render_card(manifest: Manifest, stats: Stats, *, repo_id: str | None = None, tag: str | None = None) -> str:
    """README.md of a release. Its commands name the data set `repo_id` at `tag`; None: the folder they are run in."""
    files = manifest.get("files", {})
    template = _environment().get_template("dataset_card.md.j2")
    return template.render(
        front_matter=yaml.safe_dump(_front_matter(manifest, stats), sort_keys=False, allow_unicode=True, width=1000),
        manifest=manifest,
        stats=stats,
        release=repo_id or ".",
        tag=tag,
        on_hub=repo_id is not None,
        load=load_call(manifest, repo_id, tag, split=first_part(manifest)[1]),
        sources=[_source(source) for source in manifest["sources"]],
        licences=[{**licence, **_licence(licence["url"])} for licence in stats["licences"]],
        plots={n: c for n, c in plot_captions().items() if not files or f"assets/{n}" in files},
        protocols=[form.protocol.meaning for form in FORMATS.values()],
        config=_yaml(without_paths(manifest["config"])),
        contrasts=[c for c in CONTRASTS if _splits(manifest, c)],
        about={name: contrast.meaning for name, contrast in CONTRASTS.items()},
        tasks=[(task, ANSWERS[task.answer]) for task in TASKS.values() if task.id in stats["by_task"]],
        forms=[(form, [task for task in form.tasks if task in stats["by_task"]]) for form in FORMS],
        shares=list(compare(config, Made.of(stats))) if (config := asked_of(manifest["config"])) else [],
        empty=Made.of(stats).empty,
        splits=[s for s in SPLITS if s in stats["by_split"]],
        excluded=_excluded(manifest["exclusions"]),
        restricted=any(
            licence_class(licence["url"]) not in ("permissive", "share_alike") for licence in stats["licences"]
        ),
    )


def published_card(release: Release, repo_id: str, tag: str | None) -> str:
    """README.md of a finished release for the data set that it is pushed to.

    Raises ReleaseError where stats.json or the manifest lacks what a card states.
    """
    path = release.path("stats.json")
    with drawn_from(path):
        return render_card(release.manifest, json.loads(_content(path)), repo_id=repo_id, tag=tag)


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ReleaseError(f"{path}: cannot be read ({error.strerror}); build or download the release again") from None


@contextmanager
def drawn_from(path: Path) -> Iterator[None]:
    """Turn what is missing or odd in the files that a card is drawn from into a ReleaseError that names `path`."""
    try:
        yield
    except (LookupError, TypeError, ValueError, AttributeError, jinja2.TemplateError) as error:
        raise ReleaseError(f"{path}: gives no card ({error!r:.200}); build or download the release again") from None


def release_digest(manifest: Manifest) -> str:
    """One sha256 over the shards' paths and hashes: new content, new digest."""
    lines = sorted(f"{shard['path']} {shard['sha256']}\n" for shard in manifest["shards"])
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def licence_name(url: str) -> str:
    """Readable name of a licence by its address ("CC BY-SA 2.0"); the address itself where it is not a known one."""
    address = licence_address(url)
    if found := re.match(r"creativecommons\.org/licenses/([a-z-]+)/([\d.]+)(/|$)", address):
        return f"CC {found[1].upper()} {found[2]}"
    names = (name for start, name in LICENCE_NAMES.items() if address.startswith(start))
    return next(names, url or "not stated by the source")


def _licence(url: str) -> dict[str, str]:
    return {"name": licence_name(url), "link": web_link(url)}


def _front_matter(manifest: Manifest, stats: Stats) -> dict[str, object]:
    from_coco = stats["photos"]["with_flickr_page"] > 0
    terms = {"license_link": "https://cocodataset.org/#termsofuse"} if from_coco else {}
    return {
        "license": "other",
        "license_name": "per-photo",
        **terms,
        "pretty_name": manifest["name"],
        "language": ["en"],
        "task_categories": ["image-text-to-text", "object-detection"],
        "tags": [
            "multi-image",
            "visual-grounding",
            "contrast",
            "grpo",
            "cgc",
            *(["coco", "lvis"] if from_coco else []),
        ],
        "size_categories": [next((name for bound, name in SIZES if stats["total"] < bound), "n>10M")],
        "configs": _configs(manifest),
    }


def _configs(manifest: Manifest) -> list[dict[str, object]]:
    """`default` (both contrasts) and one a contrast.

    `datasets` keys its cache by paths and this text, not by content: the digest makes a rebuilt release load anew.
    """
    description = f"release sha256:{release_digest(manifest)}"
    present = [c for c in CONTRASTS if _splits(manifest, c)]
    members: dict[str, list[str]] = {"default": [*present]}
    members.update((contrast, [contrast]) for contrast in present)
    return [
        {"config_name": name, "description": description, "data_files": _data_files(manifest, contrasts)}
        for name, contrasts in members.items()
    ]


def _data_files(manifest: Manifest, contrasts: list[str]) -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    for split in SPLITS:
        paths = [f"{c}/{split}-*.parquet" for c in contrasts if split in _splits(manifest, c)]
        if paths:
            found.append({"split": split, "path": paths})
    return found


def _splits(manifest: Manifest, contrast: str) -> set[str]:
    paths = [PurePath(shard["path"]) for shard in manifest["shards"]]
    return {path.name.split("-")[0] for path in paths if path.parent.name == contrast}


def _excluded(exclusions: Exclusions) -> dict[str, object]:
    """Base names of the lists and folders that were given, and how many photos each kind left out."""
    return {
        "files": [base_name(name) for name in exclusions.get("files", [])],
        "like": [base_name(name) for name in exclusions.get("like", [])],
        "listed": exclusions.get("listed", 0),
        "near_duplicates": exclusions.get("near_duplicates", 0),
    }


def _source(source: SourceRecord) -> SourceRecord:
    return {**source, "annotations": base_name(source["annotations"]), "images": base_name(source["images"])}


def _environment() -> jinja2.Environment:
    """Templates of the installed cards; a name the template does not know is an error, not an empty string."""
    text = importlib.resources.files("cgc_cards").joinpath("dataset_card.md.j2").read_text(encoding="utf-8")
    environment = jinja2.Environment(
        loader=jinja2.DictLoader({"dataset_card.md.j2": text}),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # Markdown: text of the sources goes through `md` instead
    )
    environment.filters["md"] = _plain
    return environment


def _plain(text: str) -> str:
    """Text that Markdown shows as it is, also within a table."""
    return re.sub(r"[|<>&\[\]*`\\]", lambda sign: f"&#{ord(sign[0])};", " ".join(str(text).split()))


def _yaml(value: object) -> str:
    """As YAML, without what would end the code block that it stands in."""
    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True).replace("```", "---")
