"""`cgc-data validate`: check a release by deriving it again from its raw sources.

Exit status 0: the release is valid. 1: violations were found. 2: the release or a source cannot be read.
"""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click
from rich.table import Table
from rich.text import Text

from cgc_data.cli.executor import executor_options
from cgc_data.cli.sources import SOURCE, source_options, splits_of
from cgc_data.common.errors import ReleaseError
from cgc_data.common.progress import show
from cgc_data.common.tables import PlainConsole
from cgc_data.sources import FORMATS, Format

if TYPE_CHECKING:
    from cgc_data.common.executor import Executor
    from cgc_data.validate import Check, Report, SourcePaths

COLOURS = {"pass": "green", "note": "yellow", "fail": "red"}


def _about(form: Format) -> str:
    condition = ", if it was moved" if form.name == next(iter(FORMATS)) else ""
    return f"Current location of {form.one} source{condition}. Repeatable."


@click.command()
@click.argument("release", type=click.Path(path_type=Path))
@source_options(_about)
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="Also write the report to this file.")
@click.option("--most", type=click.IntRange(min=1), default=20, show_default=True, help="Violations printed per check.")
@click.option(
    "--sample",
    type=click.FloatRange(0, 1, min_open=True),
    help="Share of the rows for which photos, masks, and shortcuts are checked [default: all rows].",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Random seed of the sample.")
@executor_options(1, "Number of processes. The report is the same for any number.")
def validate(
    release: Path,
    *,
    json_file: Path | None,
    most: int,
    sample: float | None,
    seed: int,
    executor: "Executor",
    **moved: tuple[str, ...],
) -> None:
    """Derive every row of RELEASE again from its raw sources, and measure shortcuts that could reveal answers to a
    model that ignores the images.

    Exit status 0: the release is valid. 1: violations were found. Faulty rows and files are listed, at most --most per
    check. 2: the release or a source cannot be read.
    """
    from cgc_data.validate import validate as run

    sources = [source for name in FORMATS for source in _sources(name, moved[name])]
    report = run(release, sources, sample=sample, seed=seed, executor=executor)
    _show(report, most)
    if json_file:
        _write(json_file, report)
    sys.exit(0 if report.valid else 1)


def _sources(kind: str, texts: tuple[str, ...]) -> list["SourcePaths"]:
    from cgc_data.validate import SourcePaths

    found = []
    for text in texts:
        annotations, images = next(reversed(list(splits_of(text))), ("", ""))
        if not annotations or not images:
            raise ReleaseError(
                f"--{kind} {text}: expected {SOURCE}, which is an annotation file followed by the folder or zip with "
                "its photos"
            )
        found.append(SourcePaths(kind, Path(annotations), Path(images)))
    return found


def _show(report: "Report", most: int) -> None:
    # wide enough for the table if there is no terminal
    console = PlainConsole(width=None if sys.stdout.isatty() else 160)
    table = Table(title=f"{report.release}", title_justify="left", title_style="bold")
    for head, side in (("check", "left"), ("", "left"), ("n", "right"), ("value", "right"), ("bound", "right")):
        table.add_column(head, justify="right" if side == "right" else "left", no_wrap=head != "check")
    table.add_column("what")
    empty = [check for check in report.checks if not check.n and check.status == "note"]
    for check in report.checks:
        if check in empty:
            continue
        status = Text(f"{check.status}, sample" if check.sampled else check.status, COLOURS[check.status])
        table.add_row(check.name, status, f"{check.n:,}", _value(check), _number(check.bound), check.message)
    console.print(table)
    if empty:
        show(f"{len(empty)} more checks have nothing to check in this release (all of them: --json FILE)")
    for check in report.checks:
        for breach in check.breaches[:most]:
            show(f"{check.name}: {breach.sample}: {breach.message}")
        if len(check.breaches) > most:
            show(f"{check.name}: {len(check.breaches) - most} more (all of them: --json FILE)")
    failed = report.failed()
    passed = sum(check.status == "pass" for check in report.checks)
    notes = len(report.checks) - passed - len(failed) - len(empty)
    counts = f": {passed} checks passed, {notes} notes"
    count = Text(f"{len(failed)} checks failed", "red").append(f": {', '.join(failed)}", "default")
    console.print(count if failed else Text("valid", "green").append(counts, "default"))
    if drawn := report.drawn:
        show(
            f"sample: {drawn.rows:,} of {drawn.of:,} rows (share {drawn.share:g}, seed {drawn.seed}) were drawn for "
            f"the checks marked `sample`: {', '.join(check.name for check in report.checks if check.sampled)}"
        )


def _value(check: "Check") -> str:
    if check.interval is None:
        return _number(check.value)
    return f"{_number(check.value)} [{check.interval[0]:.3f}, {check.interval[1]:.3f}]"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.0f}" if value == int(value) else f"{value:.3g}"


def _write(path: Path, report: "Report") -> None:
    try:
        path.write_text(json.dumps(report.to_dict(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise ReleaseError(
            f"{path}: the report cannot be written ({error.strerror}); choose another --json file"
        ) from None
