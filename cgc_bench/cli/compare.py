"""`cgc-bench compare`: compare models with a base model on the same items. The output shows items that a model won (it
scored higher than the base model) or lost (it scored lower).
"""

from pathlib import Path

import rich_click as click

from cgc_bench.cli.saved import questions, saved_options
from cgc_data.common.progress import show

PATH = click.Path(path_type=Path)


@click.command()
@click.argument("base", type=PATH)
@click.argument("new", type=PATH, nargs=-1, required=True, metavar="NEW...")
@click.option(
    "--task", "label", help="Group of tasks to compare, such as cgc_mig. Required if a folder has several groups."
)
@saved_options
@click.option(
    "--per-task",
    default=6,
    show_default=True,
    help="For each task, show at most this many items that NEW won, and at most this many that NEW lost.",
)
@click.option("--seed", default=0, show_default=True, help="Seed for choosing the items to show.")
@click.option("--to", "folder", type=PATH, default=Path("comparison"), show_default=True, help="Output folder.")
def compare(
    base: Path,
    new: tuple[Path, ...],
    *,
    label: str | None,
    benchmark: str | None,
    annotations: Path | None,
    protocol: str,
    prefix: str,
    per_task: int,
    seed: int,
    folder: Path,
) -> None:
    """Compare models item by item. Each NEW model is compared with BASE.

    BASE and NEW are output folders of lmms-eval or files of saved responses. Name each file of saved responses after
    its model. Each line of the file is a JSON object with the keys "index" and "response".
    """
    from cgc_bench.report import write_comparison
    from cgc_bench.report.runs import one_run
    from cgc_bench.report.saved import read_places

    asked = questions(benchmark, annotations, protocol, prefix)
    runs = read_places((base, *new), asked, lambda place: [one_run(place, label)])
    page, compared = write_comparison(runs[0], runs[1:], folder, per_task=per_task, seed=seed)
    for one in compared:
        begin = f"{one.new.name}, " if len(compared) > 1 else ""
        for warning in one.warnings:
            show(f"{begin}{warning}")
        for line in one.lines:
            gain = 100 * (line.new - line.base)
            bounds = "" if line.low is None or line.high is None else f" [{100 * line.low:.2f}, {100 * line.high:.2f}]"
            show(
                f"{begin}{line.task}: {100 * line.base:.2f} -> {100 * line.new:.2f} ({gain:+.2f}{bounds}), "
                f"n {line.n:,}, {'p' if line is one.found.mean else 'corrected p'} {line.corrected:.4f}"
                + (f", won {len(line.won)}, lost {len(line.lost)}" if line is not one.found.mean else "")
            )
    show(page)
