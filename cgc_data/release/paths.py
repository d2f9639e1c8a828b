"""Removes the build machine's file paths from everything that is published."""

from collections.abc import Mapping
from pathlib import PurePath, PureWindowsPath
from typing import Any


def without_paths(value: Any) -> Any:
    """The nested value, with every path on the build machine reduced to its base name."""
    if isinstance(value, Mapping):
        return {
            key: base_name(inner) if key in ("annotations", "images") else without_paths(inner)
            for key, inner in value.items()
        }
    if isinstance(value, list | tuple):
        return [without_paths(inner) for inner in value]
    return base_name(value) if isinstance(value, str) and _is_path(value) else value


def _is_path(text: str) -> bool:
    return text.startswith(("~", "./", "../")) or PurePath(text).is_absolute() or bool(PureWindowsPath(text).drive)


def base_name(path: Any) -> Any:
    """The last part of a path from any operating system. Other text is returned unchanged."""
    return PureWindowsPath(path).name or path if isinstance(path, str) else path
