"""Write DEMO/index.html: the questions, the change of the reward, the change per kind of failure, and one answer before
and after.

Usage: python -m scripts.demo.page DEMO
"""

import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import jinja2

from cgc_bench.report.gallery import Album, Card, cards_of
from cgc_bench.report.paired import compare_units
from cgc_bench.report.runs import Run, one_run
from cgc_bench.scoring.summary import Interval, Summary
from cgc_train.run import open_run
from cgc_train.view.curves import draw_curves

# Metric, its meaning, and whether more is better.
SHOWN = (
    ("miou", "overlap with the true boxes, image by image (R_miou)", True),
    ("acc@0.5", "questions answered correctly", True),
    ("source_acc", "exactly the right images", True),
    ("leakage", "a box in an image without the object", False),
    ("hallucination", "a box, although the object is in no image", False),
    ("false_empty", "[], although the object is there", False),
    ("unreadable", "no readable answer", False),
    ("format", "answers in the strict format", True),
)
SHEETS = ("inter-locate_all-01.jpg", "intra-same_object-01.jpg")


@dataclass(frozen=True)
class Line:
    """A metric before and after training, in percent, and its value for the best trivial answer."""

    name: str
    meaning: str
    floor: float | None
    floor_name: str
    before: Interval
    after: Interval
    better: bool | None


def main(demo: Path) -> None:
    """Write the page and the images of its example."""
    before, after = (one_run(demo / "answers" / name) for name in ("before", "after"))
    album = Album()
    example = next(examples(before, after, album), None)
    for name, content in album.files.items():
        (demo / name).parent.mkdir(exist_ok=True)
        (demo / name).write_bytes(content)
    page = _template().render(
        lines=list(lines(before.summary(), after.summary())),
        rows=len(before.results),
        curves=draw_curves(open_run(demo / "run").metrics()),
        example=example,
        sheets=[f"gallery/sheets/{name}" for name in SHEETS],
    )
    if broken := broken_links(page, demo):
        raise SystemExit(f"index.html links to files that do not exist: {', '.join(broken)}")
    (demo / "index.html").write_text(page, encoding="utf-8")


def broken_links(page: str, folder: Path) -> list[str]:
    """Local files that a page links to or shows, and that are not in its folder."""
    links = dict.fromkeys(re.findall(r'(?:src|href)="(?!https?:|data:|#)([^"#]+)', page))
    return [link for link in links if not (folder / link).is_file()]


def lines(before: Summary, after: Summary) -> Iterator[Line]:
    """The metrics that are defined both before and after."""
    old, new = ({**one["intervals"]["macro"], **one["diagnostics"]["macro"]} for one in (before, after))
    for name, meaning, more in SHOWN:
        if name in old and name in new:
            best = max if more else min
            floors = {floor: table["macro"].get(name) for floor, table in before["floors"].items()}
            known = {floor: value for floor, value in floors.items() if value is not None}
            floor = best(known, key=lambda key: known[key], default="")
            yield Line(
                name, meaning, known.get(floor), floor, old[name], new[name], _better(old[name], new[name], more)
            )


def _better(before: Interval, after: Interval, more: bool) -> bool | None:
    """Whether the metric improved; None if it stayed the same."""
    old, new = before["value"], after["value"]
    return None if old is None or new is None or old == new else (new > old) == more


def examples(before: Run, after: Run, album: Album) -> Iterator[Card]:
    """A row whose answer improved, or otherwise a row whose answer got worse; None if no answer changed its score."""
    units: Sequence[list] = [run.bench.units(run.results) for run in (before, after)]
    for metric in ("acc@0.5", "miou"):
        found = compare_units(*units, metric)
        for task in found.tasks if found else ():
            yield from cards_of(task, before, after, 1, 0, album)


def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=jinja2.StrictUndefined
    )
    environment.filters["percent"] = lambda value: "-" if value is None else f"{value:.1f}"
    return environment.get_template("page.html.j2")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
