"""`cgc-data plan`: the first step of a build on many machines."""

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from cgc_data.cli.executor import executor_options
from cgc_data.cli.settings import resolve, setting_options
from cgc_data.common.progress import show

if TYPE_CHECKING:
    from cgc_data.builder.draft import Draft
    from cgc_data.common.executor import Executor


@click.command()
@setting_options
@executor_options(os.cpu_count() or 1, "Number of processes that read and plan.")
@click.option("--json", "as_json", is_flag=True, help="Print the folder and the numbers of shards and rows as JSON.")
def plan(settings: tuple[str, ...], out: Path, executor: "Executor", as_json: bool, **flags: Any) -> None:
    """Plan a release that many machines can render. After `plan`, run `render`, and then `finish`.

    The settings are the same as for `cgc-data build`, and the finished release is byte-identical to the result of that
    command. Every machine that renders or finishes needs access to the output folder and to the photos. The machine
    that finishes also needs the annotation files and the exclusion lists. The photos, annotation files, and exclusion
    lists must have the same paths on all machines.
    """
    from cgc_data.builder.planning import plan_release

    draft = plan_release(resolve(settings, flags), out, executor=executor)
    shards = len(draft.plan.shards)
    if as_json:
        show(json.dumps({"folder": str(out), "shards": shards, "rows": draft.rows}))
    else:
        _show(draft, out, shards)


def _show(draft: "Draft", out: Path, shards: int) -> None:
    from cgc_data.cli.build import show_plan

    show_plan(draft.plan, draft.config)
    show(
        f"render it:    cgc-data render {out} --shard 0:{shards} (you can split this range)\n"
        f"finish it:    cgc-data finish {out}"
    )
