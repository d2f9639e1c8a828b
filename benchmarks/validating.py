"""Measures the processor time of `cgc-data validate` per row, split by kind of check.

Usage: python benchmarks/validating.py RELEASE [--coco ANN.json:IMAGES] [--repeat 2] [--docs docs]

If a function of one kind in `KINDS` calls a function of another kind, the time of the called function counts only for
its own kind. "everything else" includes reading the shards, hashing, and the checks in the modules `form`, `truth`,
`absence`, and `stated`. With --docs, the figures are written to measured.json in that folder, and their table to
performance.md.
"""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from importlib import import_module
from inspect import isgeneratorfunction
from pathlib import Path
from typing import Any
from unittest.mock import patch

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks import measured  # noqa: E402
from cgc_data.validate.run import SourcePaths, validate  # noqa: E402
from scripts.markdown import table  # noqa: E402

REST = "everything else"
TASKS = "cgc_data.validate.tasks"
# The functions of each kind, as module and attribute
KINDS = {
    "opening of the sources": (("cgc_data.validate.run", "open_sources"),),
    "statistics": (("cgc_data.validate.run", "shortcut_checks"), ("cgc_data.validate.run", "task_measures")),
    "decoding of images": (("cv2", "imdecode"), ("PIL.ImageFile", "ImageFile.load")),
    "correlation": ((f"{TASKS}.intra_region", "search"),),
    "paste checks": (
        ("cgc_data.validate.composing", "_pasted"),
        *((f"{TASKS}.intra_difference", name) for name in ("lent", "place", "hidden", "_is_gray")),
    ),
    "comparison of images": (("cgc_data.validate.pictures", "PictureCheck.check"),),
    "colors and sharpness": (("cgc_data.validate.trace", "_colors"), ("cgc_data.validate.image_files", "sharpness")),
}


class Clock:
    """Processor time by kind of check. If a function of one kind calls a function of another kind, the time of the
    called function does not count for the caller's kind.
    """

    def __init__(self) -> None:
        self.spent: Counter[str] = Counter()
        self._kinds, self._since = [REST], time.process_time()

    def turn(self) -> None:
        """Add the time since the last call to the total of the current kind."""
        now = time.process_time()
        self.spent[self._kinds[-1]] += now - self._since  # type: ignore[assignment]
        self._since = now

    @contextmanager
    def kind(self, name: str) -> Iterator[None]:
        """Add the time spent in this context to the total of the given kind."""
        self.turn()
        self._kinds.append(name)
        try:
            yield
        finally:
            self.turn()
            self._kinds.pop()

    def timed(self, function: Callable[..., Any], name: str) -> Callable[..., Any]:
        """Wrap a function so that its time counts for the kind `name`.

        If the function is a generator, the wrapper computes all items at once and returns them as a list.
        """

        def run(*given: Any, **named: Any) -> Any:
            with self.kind(name):
                found = function(*given, **named)
                return list(found) if isgeneratorfunction(function) else found

        return run


def main() -> None:
    """Print milliseconds per row by kind."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("release", type=Path)
    parser.add_argument(
        "--coco", action="append", default=[], help="new paths (ANN.json:IMAGES) of a source that was moved"
    )
    parser.add_argument("--repeat", type=int, default=2)
    parser.add_argument(
        "--docs", type=Path, help="folder in which to write measured.json and the table in performance.md"
    )
    options = parser.parse_args()
    given = [SourcePaths("coco", *map(Path, one.split(":", 1))) for one in options.coco]
    runs = [spent(options.release, given) for _ in range(options.repeat)]
    figures = min(runs, key=lambda found: sum(found["ms"].values()))
    print(shown(figures))
    if options.docs:
        measured.keep(options.docs, "validating", "performance.md", figures, shown(figures))


def spent(release: Path, given: list[SourcePaths]) -> dict[str, Any]:
    """Milliseconds per row by kind, and the number of rows."""
    clock = Clock()
    with ExitStack() as patches:
        for kind, functions in KINDS.items():
            for module, name in functions:
                owner: Any = import_module(module)
                *path, last = name.split(".")
                for step in path:
                    owner = getattr(owner, step)
                patches.enter_context(patch.object(owner, last, clock.timed(getattr(owner, last), kind)))
        clock.turn()
        clock.spent.clear()
        report = validate(release, given)
        clock.turn()
    rows = report.check("ids unique").n
    return {"rows": rows, "ms": {kind: 1000 * clock.spent[kind] / rows for kind in (*KINDS, REST)}}


def shown(figures: Mapping[str, Any]) -> str:
    """The table in Markdown."""
    lines = [[kind, f"{value:.2f}"] for kind, value in figures["ms"].items()]
    lines.append(["all", f"{sum(figures['ms'].values()):.2f}"])
    return f"{table(('part', 'processor ms per row'), lines)}\n`{figures['rows']}` rows.\n"


if __name__ == "__main__":
    main()
