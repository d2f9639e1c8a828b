"""`cgc-bench report`: write a report about runs of lmms-eval and saved responses, as Markdown and as one HTML page."""

from pathlib import Path

import rich_click as click

from cgc_bench.cli.saved import questions, saved_options
from cgc_data.common.progress import show

PATH = click.Path(path_type=Path)


@click.command()
@click.argument("runs", type=PATH, nargs=-1, required=True, metavar="RUN...")
@saved_options
@click.option("--to", "folder", type=PATH, default=Path("report"), show_default=True, help="Output folder.")
def report(
    runs: tuple[Path, ...],
    *,
    benchmark: str | None,
    annotations: Path | None,
    protocol: str,
    prefix: str,
    folder: Path,
) -> None:
    """Report the scores of models by task, with confidence intervals and floors (scores of trivial answers). Published
    figures are listed separately. The tables are also written as CSV and LaTeX.

    A RUN is an output folder of lmms-eval or a file of saved responses. Name each file of saved responses after its
    model. Each line of the file is a JSON object with the keys "index" and "response".
    """
    from cgc_bench.report import write_report
    from cgc_bench.report.runs import read_runs
    from cgc_bench.report.saved import read_places

    asked = questions(benchmark, annotations, protocol, prefix)
    show(write_report(read_places(runs, asked, lambda place: read_runs([place])), folder))
