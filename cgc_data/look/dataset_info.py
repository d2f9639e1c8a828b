"""The `dataset_info` block of a dataset card, as the `datasets` library itself writes it.

The block lists the features, rows, and bytes of each configuration. With this block, the Hub and `datasets` know the
columns before they read a shard.
"""

from collections.abc import Iterable, Mapping
from pathlib import PurePath
from typing import Any

from cgc_data.release.manifest import Manifest, Shard
from cgc_data.release.schema import FEATURES, SPLITS
from cgc_data.tasks import CONTRASTS


def configurations(manifest: Manifest) -> dict[str, list[str]]:
    """The contrasts (`inter`, `intra`) in each configuration of the dataset.

    The configuration `default` has all contrasts, and each contrast with shards has its own configuration.
    """
    found = {PurePath(shard["path"]).parent.name for shard in manifest["shards"]}
    present = [contrast for contrast in CONTRASTS if contrast in found]
    return {"default": present} | {contrast: [contrast] for contrast in present}


def splits_of(manifest: Manifest, contrasts: Iterable[str]) -> dict[str, list[Shard]]:
    """The shards of these contrasts by split; splits without shards are omitted."""
    found: dict[str, list[Shard]] = {split: [] for split in SPLITS}
    for shard in manifest["shards"]:
        path = PurePath(shard["path"])
        if path.parent.name in contrasts:
            found[path.name.split("-")[0]].append(shard)
    return {split: shards for split, shards in found.items() if shards}


def dataset_info(manifest: Manifest) -> list[dict[str, Any]]:
    """The `dataset_info` entries of the card, one per configuration."""
    return [_info(name, splits_of(manifest, contrasts)) for name, contrasts in configurations(manifest).items()]


def _info(name: str, splits: Mapping[str, list[Shard]]) -> dict[str, Any]:
    shards = [shard for found in splits.values() for shard in found]
    size = _num_bytes(shards)
    return {
        "config_name": name,
        "features": yaml_features(FEATURES),
        "splits": [_split(split, found) for split, found in splits.items()],
        "download_size": sum(shard["bytes"] for shard in shards),
        **({} if size is None else {"dataset_size": size}),
    }


def _split(name: str, shards: Iterable[Shard]) -> dict[str, Any]:
    shards = list(shards)
    size = _num_bytes(shards)
    counted = {} if size is None else {"num_bytes": size}
    return {"name": name, **counted, "num_examples": sum(shard["rows"] for shard in shards)}


def _num_bytes(shards: Iterable[Shard]) -> int | None:
    """Number of bytes that the shards occupy in memory; None if a shard of an older release lacks this number."""
    sizes = [shard.get("num_bytes") for shard in shards]
    return None if None in sizes else sum(size or 0 for size in sizes)


def yaml_features(features: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Convert features given as JSON (see `cgc_data.release.schema`) to the form used in a dataset card."""
    return [{"name": name, **_yaml(feature)} for name, feature in features.items()]


def _yaml(feature: Any) -> dict[str, Any]:
    if isinstance(feature, list):
        return {"list": _short(_yaml(feature[0]))}
    kind = feature.get("_type")
    rest = {key: value for key, value in feature.items() if key != "_type"}
    if kind is None:
        return {"struct": yaml_features(feature)}
    if kind == "Sequence":
        return {"list": _short(_yaml(feature["feature"]))}
    if kind == "Value":
        return rest
    return {"dtype": {kind.lower(): rest} if rest else kind.lower()}


def _short(inner: dict[str, Any]) -> Any:
    """The short description of a list's items: only their type or, for records, only their fields."""
    return inner.get("dtype") or inner.get("struct") or inner
