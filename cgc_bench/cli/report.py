"""`cgc-bench report`: write runs of lmms-eval as Markdown and as one page."""

from pathlib import Path

import rich_click as click

from cgc_data.common.progress import show

PATH = click.Path(path_type=Path)


@click.command()
@click.argument("runs", type=PATH, nargs=-1, required=True, metavar="RUN...")
@click.option("--to", "folder", type=PATH, default=Path("report"), show_default=True, help="Output folder.")
def report(runs: tuple[Path, ...], *, folder: Path) -> None:
    """Report output folders of lmms-eval: tasks, intervals, floors, and, separately, published figures."""
    from cgc_bench.report import write_report
    from cgc_bench.report.runs import read_runs

    show(write_report(read_runs(runs), folder))
