"""Fixtures shared by all tests."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder with real COCO, LVIS and MIG-Bench data, named by CGC_REAL_DATA."""
    folder = os.environ.get("CGC_REAL_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("CGC_REAL_DATA does not name a folder with the real data")
    return Path(folder).resolve()
