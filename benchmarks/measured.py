"""Stores the figures of the benchmarks in one JSON file, and writes their tables between marker comments on pages of
the docs.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from scripts.markdown import write_between  # noqa: E402

FILE = "measured.json"
END = "<!-- end of table -->"


def mark(script: str) -> str:
    """The comment that marks the start of a script's table on its page."""
    return f"<!-- table: benchmarks/{script}.py -->"


def read(docs: Path, script: str) -> dict[str, Any]:
    """The figures of a script; empty if the script has not run yet."""
    path = docs / FILE
    return dict(json.loads(path.read_bytes()).get(script, {})) if path.is_file() else {}


def keep(docs: Path, script: str, page: str, figures: dict[str, Any], shown: str) -> None:
    """Write the figures of a script to measured.json, and their table to the page."""
    path = docs / FILE
    known = json.loads(path.read_bytes()) if path.is_file() else {}
    text = json.dumps(dict(sorted({**known, script: figures}.items())), indent=1)
    path.write_text(text + "\n", encoding="utf-8")
    write_between(docs / page, mark(script), END, f"\n\n{shown}\n")


def with_interval(values: Sequence[float]) -> str:
    """Format a value and its interval, as in "0.190 [0.120, 0.270]"."""
    value, low, high = values
    return f"{value:.3f} [{low:.3f}, {high:.3f}]"
