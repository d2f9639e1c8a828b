"""Options for files of saved responses. The commands with these options also accept output folders of lmms-eval."""

from collections.abc import Callable
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import rich_click as click

from cgc_bench.errors import ReportError

if TYPE_CHECKING:
    from cgc_bench.report.saved import Questions

Command = TypeVar("Command", bound=Callable[..., Any])
_OPTIONS = (
    click.option("--benchmark", help="Benchmark to which the saved responses belong, such as mig or contrast."),
    click.option(
        "--annotations",
        type=click.Path(path_type=Path),
        help=(
            "Annotation file of this benchmark, or the folder that contains it. For contrast: folder or Hub id of the "
            "release."
        ),
    ),
    click.option("--protocol", default="official", show_default=True, help="Scoring protocol for saved responses."),
    click.option(
        "--prefix",
        default="",
        help=(
            "Text that the chat template puts at the start of every response. Set this option if the saved responses "
            "omit that text."
        ),
    ),
)


def saved_options(command: Command) -> Command:
    """Add the options that specify the benchmark of the saved responses and how to score them."""
    return reduce(lambda decorated, option: option(decorated), reversed(_OPTIONS), command)


def questions(benchmark: str | None, annotations: Path | None, protocol: str, prefix: str) -> "Questions | None":
    """The questions of the benchmark, or None if neither --benchmark nor --annotations is given. Raises ReportError if
    only one of these options is given.
    """
    from cgc_bench.report.saved import read_questions

    if benchmark is None and annotations is None:
        return None
    if benchmark is None or annotations is None:
        raise ReportError("saved responses need both --benchmark and --annotations")
    return read_questions(benchmark, annotations, protocol, prefix)
