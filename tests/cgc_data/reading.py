"""Reads a release with `load_dataset` alone, in a process that cannot import this package."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

SCRIPT = """
import importlib.abc, json, sys

class NoPackage(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0].startswith("cgc_"):
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, NoPackage())
from datasets import load_dataset

found = {}
for config in ("inter", "intra", "default"):
    found[config] = {}
    for split, rows in load_dataset(sys.argv[1], config).items():
        seen = list(rows) if config != "default" else []
        found[config][split] = {
            "rows": len(rows),
            "contrasts": sorted({row["contrast"] for row in seen}),
            "modes": sorted({image.mode for row in seen for image in row["images"]}),
            "sizes_as_in_views": all(
                [image.size for image in row["images"]] == [(v["width"], v["height"]) for v in row["views"]]
                for row in seen
            ),
        }
assert not [name for name in sys.modules if name.startswith("cgc_")]
print(json.dumps(found))
"""


def read_without_package(release: Path, home: Path) -> dict[str, dict[str, Any]]:
    """For every config and split: number of rows, contrasts, modes of the images, and whether sizes are as stated."""
    env = {**os.environ, "HF_HOME": str(home / "hf"), "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-I", "-c", SCRIPT, str(release)]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 0, done.stderr
    found: dict[str, dict[str, Any]] = json.loads(done.stdout)
    return found
