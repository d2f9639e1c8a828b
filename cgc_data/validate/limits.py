"""The limits that were in effect when a release was built, as recorded in its manifest.

Defaults replace missing limits.
"""

from dataclasses import dataclass

from cgc_data.release.manifest import Manifest, kept_settings


@dataclass(frozen=True)
class Limits:
    """Bounds on boxes, answers, and windows. Lengths are in pixels, and shares are 0-1."""

    min_side: float = 24
    min_area: float = 0.002
    max_aspect: float = 5
    max_objects: int = 8
    pixel_budget: int = 640 * 640
    visible: float = 0.5
    margin: int = 8
    min_cover: float = 0.03
    max_cover: float = 0.5
    context_scale: float = 1.25
    strict_confusable: bool = True
    enlargement: float | None = None  # None: built before this bound existed
    rows_per_photo: int | None = None  # None: built before this bound existed


def limits_of(manifest: Manifest) -> Limits:
    """The limits in the configuration that a manifest records.

    Raises ReleaseError if the configuration is malformed.
    """
    config, windows = manifest["config"], kept_settings(manifest).intra
    known = {key: value for key, value in config.get("limits", {}).items() if key in Limits.__dataclass_fields__}
    return Limits(
        **known,
        min_cover=windows.min_cover,
        max_cover=windows.max_cover,
        context_scale=windows.context_scale,
        strict_confusable=config.get("confusable", "strict") == "strict",
    )
