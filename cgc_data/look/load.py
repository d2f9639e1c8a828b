"""The Python code that loads a release. The dataset card shows this code, and the push command prints it."""

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from cgc_data.release.schema import SPLITS
from cgc_data.tasks import CONTRASTS

# Placeholder for the photo folder of a release without images; readers replace it with their own.
PHOTOS = "photos"


def load_call(
    manifest: Mapping[str, Any], repo_id: str | None, revision: str | None = None, *, split: str | None = None
) -> str:
    """Python code that loads the release from the Hub, or from the current folder if `repo_id` is None."""
    if manifest["image_mode"] == "reference":
        return _call("load_reference", repo_id or ".", images=PHOTOS, revision=revision)
    contrast, first = first_part(manifest)
    if repo_id is None:  # `load_dataset(".")` fails because it names its cache after the last part of the path
        files = f"{contrast}/{split or first}-*.parquet"
        return _call("load_dataset", "parquet", data_files=files, split=split or first)
    return _call("load_dataset", repo_id, contrast, split=split, revision=revision)


def first_part(manifest: Mapping[str, Any]) -> tuple[str, str]:
    """The first contrast in the release, and the first split of this contrast. Raises ValueError if there are no
    shards.
    """
    paths = [PurePosixPath(shard["path"]) for shard in manifest["shards"]]
    there = {(path.parent.name, path.name.partition("-")[0]) for path in paths}
    found = next(((c, s) for c in CONTRASTS for s in SPLITS if (c, s) in there), None)
    if found is None:
        raise ValueError("no shards")
    return found


def _call(function: str, *names: str, **options: str | None) -> str:
    given = [f'"{name}"' for name in names]
    given += [f'{key}="{value}"' for key, value in options.items() if value is not None]
    return f"{function}({', '.join(given)})"
