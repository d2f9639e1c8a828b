"""Renders templates and writes pages. A folder that contains files is overwritten only if this package wrote its
index.html. Otherwise, an error is raised.
"""

import shutil
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import jinja2

from cgc_bench.errors import ReportError
from cgc_data.common.disk import refusal
from cgc_data.release.inside import check_links

MARK = "<!-- cgc-bench -->"
IMAGES, TABLES = "images", "tables"


def render(template: str, **values: Any) -> str:
    """Render a template. Values that are inserted into an HTML template are escaped."""
    return _environment().get_template(template).render(mark=MARK, **values)


def write_page(folder: Path, pages: Mapping[str, str], files: Mapping[str, bytes]) -> Path:
    """Write the pages and their files, and return the path of index.html.

    Raises ReportError if the folder cannot be written, or if it contains files but no index.html from this package.
    """
    index = folder / "index.html"
    if folder.exists() and (not folder.is_dir() or (any(folder.iterdir()) and not _is_ours(index))):
        raise ReportError(f"{folder}: contains other files; name a new folder with --to")
    check_links(folder)
    is_new = not _is_ours(index)
    try:
        for name in (IMAGES, TABLES):
            shutil.rmtree(folder / name, ignore_errors=True)
        for name, content in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in pages.items():
            (folder / name).write_text(text, encoding="utf-8", errors="replace")
    except OSError as error:
        if is_new:  # otherwise, the next attempt would mistake the leftovers for someone else's files
            shutil.rmtree(folder, ignore_errors=True)
        raise ReportError(f"cannot write {refusal(error, folder)}") from None
    return index


def _is_ours(index: Path) -> bool:
    try:
        return MARK in index.read_text(encoding="utf-8", errors="replace")[:500]
    except OSError:
        return False


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("cgc_bench.report"),
        autoescape=lambda name: bool(name and name.endswith(".html.j2")),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = lambda value: "-" if value is None else f"{value:.2f}"
    environment.filters["percent"] = lambda value: "-" if value is None else f"{100 * value:.2f}"
    environment.filters["bounds"] = _bounds
    environment.filters["floor_name"] = lambda name: f"floor: {name}"
    environment.filters["words"] = lambda text: str(text).replace("_", " ").replace("/", " / ")
    environment.filters["count"] = lambda value: f"{value:,}"
    environment.filters["signed"] = lambda value: f"{100 * value:+.2f}"
    return environment


def _bounds(estimate: Mapping[str, float | None] | None) -> str:
    low, high = (estimate or {}).get("low"), (estimate or {}).get("high")
    return "-" if low is None or high is None else f"{low:.1f} to {high:.1f}"
