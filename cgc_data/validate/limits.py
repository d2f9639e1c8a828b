"""The bounds a release was built with, as its manifest says them; the design's defaults where it does not."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Limits:
    """Bounds on boxes, answers and windows; lengths in pixels, shares 0-1."""

    min_side: float = 24
    min_area: float = 0.002
    max_aspect: float = 5
    max_objects: int = 8
    pixel_budget: int = 640 * 640
    visible: float = 0.5
    margin: int = 8
    min_cover: float = 0.03
    max_cover: float = 0.5
    strict_confusable: bool = True


def limits_of(config: Mapping[str, Any]) -> Limits:
    """Limits in a manifest's resolved configuration."""
    given = {**config.get("limits", {}), **{k: v for k, v in config.get("intra", {}).items() if k.endswith("_cover")}}
    known = {key: given[key] for key in Limits.__dataclass_fields__ if key in given}
    return Limits(**known, strict_confusable=config.get("confusable", "strict") == "strict")
