"""`cgc-bench tasks-path`: print the folder of the task files, for `lmms_eval --include_path`."""

import rich_click as click

from cgc_data.common.progress import show


@click.command("tasks-path")
def tasks_path() -> None:
    """Print the folder of the task files: lmms_eval --include_path "$(cgc-bench tasks-path)"."""
    from cgc_bench.lmms.discovery import tasks_folder

    show(tasks_folder())
