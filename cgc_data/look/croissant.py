"""Croissant metadata of a release (croissant.json): files, columns, licenses, and responsible AI, as JSON-LD.

Search engines and loaders can read this metadata without knowing the row schema. The columns are described in the same
way as in the metadata that the Hub generates.
"""

from collections.abc import Iterable
from typing import Any

from cgc_data.look.card import citation, facts
from cgc_data.look.dataset_info import configurations, splits_of
from cgc_data.look.metadata import PAPER, release_digest
from cgc_data.release.manifest import Manifest
from cgc_data.release.schema import FEATURES
from cgc_data.release.stats import Stats

Node = dict[str, Any]  # of JSON-LD

CONFORMS_TO = ("http://mlcommons.org/croissant/1.0", "http://mlcommons.org/croissant/RAI/1.0")
QUESTIONS_LICENSE = "https://creativecommons.org/licenses/by/4.0/"
CREATOR = {"@type": "sc:Organization", "name": "The cgc-grounding contributors"}
HUB = "https://huggingface.co"
TYPES = {"string": "sc:Text", "int32": "cr:Int32", "int64": "cr:Int64", "float64": "cr:Float64"}
_TERMS = (
    *("citeAs", "column", "equivalentProperty", "extract", "field", "fileObject"),
    *("fileProperty", "fileSet", "format", "includes", "isLiveDataset", "jsonPath", "key", "md5"),
    *("parentField", "path", "recordSet", "references", "regex", "repeated", "replace", "samplingRate", "separator"),
    *("source", "subField", "transform"),
)
CONTEXT: Node = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "dct": "http://purl.org/dc/terms/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "sc": "https://schema.org/",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "description": {"@container": "@language"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "name": {"@container": "@language"},
    **{term: f"cr:{term}" for term in _TERMS},
}


def croissant(manifest: Manifest, stats: Stats, *, repo_id: str | None = None, tag: str | None = None) -> Node:
    """The Croissant metadata of the dataset `repo_id` at the revision `tag`.

    If `repo_id` is None, the metadata describes the folder that contains croissant.json.
    """
    known = facts(manifest, stats, repo_id, tag)
    contrasts = configurations(manifest)
    return {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": list(CONFORMS_TO),
        "name": manifest["name"],
        "description": _description(stats, known["about"]),
        "creator": CREATOR,
        "license": [QUESTIONS_LICENSE, *(license["url"] for license in known["licenses"] if license["link"])],
        "citeAs": citation(manifest, repo_id, tag),
        "keywords": ["multi-image", "visual grounding", "vision-language", PAPER],
        "inLanguage": "en",
        **({"url": f"{HUB}/datasets/{repo_id}"} if repo_id else {}),
        **({"version": tag.removeprefix("v")} if tag else {}),
        **{f"rai:{key}": value for key, value in known["rai"].items()},
        "distribution": [
            *([_repository(manifest, repo_id, tag)] if repo_id else []),
            *(_files(name, found, manifest, repo_id) for name, found in contrasts.items()),
        ],
        "recordSet": [_records(name, manifest, found) for name, found in contrasts.items()],
    }


def _description(stats: Stats, about: dict[str, str]) -> str:
    kinds = " ".join(f"{name}: {meaning}" for name, meaning in about.items())
    return (
        f"{stats['total']:,} rows. Each row shows a model several images and asks which image contains something, and "
        f"where in that image. The answers are known by construction. {kinds}"
    )


def _repository(manifest: Manifest, repo_id: str, tag: str | None) -> Node:
    return {
        "@type": "cr:FileObject",
        "@id": "repo",
        "name": "repo",
        "description": (
            "The repository on the Hub, with a sha256 that is computed from the paths and hashes of the Parquet files."
        ),
        "contentUrl": f"{HUB}/datasets/{repo_id}" + (f"/tree/{tag}" if tag else ""),
        "encodingFormat": "git+https",
        "sha256": release_digest(manifest),
    }


def _files(name: str, contrasts: Iterable[str], manifest: Manifest, repo_id: str | None) -> Node:
    return {
        "@type": "cr:FileSet",
        "@id": f"parquet-{name}",
        "name": f"parquet-{name}",
        "description": f"Parquet files of the configuration {name}.",
        **({"containedIn": {"@id": "repo"}} if repo_id else {}),
        "encodingFormat": "application/x-parquet",
        "includes": [f"{c}/{split}-*.parquet" for c in contrasts for split in splits_of(manifest, [c])],
    }


def _records(name: str, manifest: Manifest, contrasts: list[str]) -> Node:
    splits = ", ".join(splits_of(manifest, contrasts))
    return {
        "@type": "cr:RecordSet",
        "@id": name,
        "name": name,
        "description": (
            f"Rows of the configuration {name}; the field `split` is one of {splits}. The Parquet files also contain "
            "nested lists of records, which are not described here."
        ),
        "field": [_field(f"{name}/{column}", name, column, feature, []) for column, feature in FEATURES.items()],
    }


def _field(identity: str, files: str, column: str, feature: Any, path: list[str]) -> Node:
    """The Croissant field for a column, or for the value at `path` inside the column."""
    inner = _item(feature)
    if inner is not None:
        return _field(identity, files, column, inner, path) | {"repeated": True}
    named = {"@type": "cr:Field", "@id": identity}
    kind = feature.get("_type")
    if kind is None:
        below = {name: inside for name, inside in feature.items() if not _lists_records(inside)}
        fields = [_field(f"{identity}/{n}", files, column, inside, [*path, n]) for n, inside in below.items()]
        return named | {"subField": fields}
    if kind == "Image":
        return named | {"dataType": "sc:ImageObject", "source": _source(files, column, [*path, "bytes"])}
    return named | {"dataType": TYPES[feature["dtype"]], "source": _source(files, column, path)}


def _lists_records(feature: Any) -> bool:
    """Whether the feature is a list of records. Croissant readers cannot read such a list inside another record."""
    inner = _item(feature)
    return inner is not None and "_type" not in inner


def _item(feature: Any) -> Any:
    """The feature of a list's items; None if `feature` is not a list."""
    if isinstance(feature, list):
        return feature[0]
    return feature["feature"] if feature.get("_type") == "Sequence" else None


def _source(files: str, column: str, path: list[str]) -> Node:
    transforms = [{"jsonPath": name} for name in path]
    taken = {"transform": transforms[0] if len(transforms) == 1 else transforms} if transforms else {}
    return {"fileSet": {"@id": f"parquet-{files}"}, "extract": {"column": column}, **taken}
