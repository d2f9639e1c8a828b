"""Fixtures shared by all tests."""

import os
from pathlib import Path

import pytest
from PIL import ImageFile


@pytest.fixture(autouse=True)
def _images_cut_short_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """lmms-eval changes this for the whole process when a test imports it; our programs run without it."""
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", False)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder with real COCO, LVIS and MIG-Bench data, named by CGC_REAL_DATA."""
    folder = os.environ.get("CGC_REAL_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("CGC_REAL_DATA does not name a folder with the real data")
    return Path(folder).resolve()
