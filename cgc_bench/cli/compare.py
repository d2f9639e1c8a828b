"""`cgc-bench compare`: two models on the same items, with the items won and lost."""

from pathlib import Path

import rich_click as click

from cgc_data.common.progress import show

PATH = click.Path(path_type=Path)


@click.command()
@click.argument("base", type=PATH)
@click.argument("new", type=PATH)
@click.option("--task", "label", help="The group of tasks, such as cgc_mig, where the folders hold several.")
@click.option("--per-task", default=6, show_default=True, help="Items won, and as many lost, that the page shows.")
@click.option("--to", "folder", type=PATH, default=Path("comparison"), show_default=True, help="Folder of the page.")
def compare(base: Path, new: Path, *, label: str | None, per_task: int, folder: Path) -> None:
    """Compare the output folders BASE and NEW of lmms-eval item by item."""
    from cgc_bench.report import write_comparison
    from cgc_bench.report.runs import one_run
    from cgc_bench.scoring.asked import differences

    first, second = one_run(base, label), one_run(new, label)
    page, found = write_comparison(first, second, folder, per_task=per_task)
    for warning in differences(first.asked, second.asked):
        show(warning)
    for one in found:
        gain = 100 * (one.new - one.base)
        show(
            f"{one.task}: {100 * one.base:.2f} -> {100 * one.new:.2f} ({gain:+.2f}), n {one.n:,}, "
            f"p {one.corrected:.4f}, won {len(one.won)}, lost {len(one.lost)}"
        )
    show(page)
