"""Provides the embedded sample as the sources of a build.

The sample is painted once into the cache, so that all commands can run without a download.
"""

import json
import shutil
from dataclasses import asdict
from pathlib import Path

from filelock import FileLock

from cgc_data.common.progress import say
from cgc_data.config import BuildConfig, Source
from cgc_data.painter import Preset, paint

PRESET: Preset = "standard"
RECORD = "sources.json"


def with_sources(config: BuildConfig, cache: Path) -> BuildConfig:
    """The configuration. If it has no sources, the embedded sample is added as its sources."""
    return (
        config
        if config.sources
        else config.model_copy(update={"sources": embedded_sources(cache / f"scenes-{PRESET}")})
    )


def embedded_sources(folder: Path) -> list[Source]:
    """The sources of the painted sample in this folder. The sample is painted first if it is missing or unfinished."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_name(f"{folder.name}.lock")):  # concurrent builds share the sample
        if not (folder / RECORD).exists():
            _paint(folder)
    listed = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    return [
        Source(**{**s, "annotations": str(folder / s["annotations"]), "images": str(folder / s["images"])})
        for s in listed
    ]


def _paint(folder: Path) -> None:
    say(f"no source given: painting the embedded sample into {folder}")
    part = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    painted = [{k: _relative(v, part) for k, v in asdict(source).items()} for source in paint(PRESET, part)]
    (part / RECORD).write_text(json.dumps(painted), encoding="utf-8")
    shutil.rmtree(folder, ignore_errors=True)
    part.replace(folder)


def _relative(value: object, folder: Path) -> object:
    return str(value.relative_to(folder)) if isinstance(value, Path) else value
