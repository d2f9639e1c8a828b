"""Figures that benchmarks keep: pages show them as measured, and they are within the bounds that are told of them."""

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

pytest.importorskip("torch")

from benchmarks import measured, memory, paste_artifacts, region_shortcuts

DOCS = Path(__file__).parents[2] / "docs"
PAGES: dict[str, tuple[ModuleType, str]] = {
    "memory": (memory, "release.md"),
    "paste_artifacts": (paste_artifacts, "validate.md"),
    "region_shortcuts": (region_shortcuts, "validate.md"),
}
KEPT: dict[str, Any] = json.loads((DOCS / measured.FILE).read_bytes())


def test_every_script_that_kept_figures_is_tested() -> None:
    assert set(KEPT) <= set(PAGES)


@pytest.mark.parametrize("script", KEPT)
def test_the_page_shows_the_figures(script: str) -> None:
    module, page = PAGES[script]
    text = (DOCS / page).read_text(encoding="utf-8")
    assert f"{measured.mark(script)}\n\n{module.shown(KEPT[script])}\n{measured.END}" in text
