"""`cgc-train check`: verify as much as possible about a run before it uses GPU time."""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click
from rich.table import Table
from rich.text import Text

from cgc_data.common.progress import show
from cgc_data.common.tables import PlainConsole
from cgc_data.common.text import plain

if TYPE_CHECKING:
    from cgc_train.check import Finding

COLORS = {"ok": "green", "warning": "yellow", "failed": "red", "not checked": "cyan"}


@click.command()
@click.argument("recipe")
@click.argument("settings", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("--to", type=click.Path(path_type=Path), help="Folder of the run.  [default: runs/<recipe>]")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
@click.option(
    "--step-seconds",
    type=click.FloatRange(min=0),
    default=300,
    show_default=True,
    help=(
        "Time limit in seconds for the trial step, which trains a tiny model on the CPU with the recipe's launch "
        "file. 0 skips the trial step."
    ),
)
def check(recipe: str, settings: tuple[str, ...], to: Path | None, as_json: bool, step_seconds: float) -> None:
    """Check RECIPE before you use a GPU. RECIPE is the name of an included recipe, or a YAML file.

    The exit status is 0 if no check failed, and 2 if any check failed. A failed check means that the run would crash,
    or would not train as the recipe intends.
    """
    from cgc_train.check import run_checks
    from cgc_train.recipe import load_recipe

    _quiet()
    findings = []
    for finding in run_checks(load_recipe(recipe, settings), to, step_seconds):
        findings.append(finding)
        if not as_json:
            status = click.style(f"{finding.status:11}", fg=COLORS[finding.status])
            click.echo(f"{status}  {finding.check:13}  {plain(finding.line)}")
    failed = [finding.check for finding in findings if finding.status == "failed"]
    if as_json:
        show(json.dumps({"failed": failed, "findings": [asdict(finding) for finding in findings]}, indent=2))
    else:
        PlainConsole().print(_outcome_table(findings))
        show(f"{len(failed)} failed; training speed is not checked")
    sys.exit(2 if failed else 0)


def _outcome_table(findings: Sequence["Finding"]) -> Table:
    """Count the checks per outcome, and list the names of the checks that did not pass."""
    table = Table("outcome", title="Checks", title_justify="left", title_style="bold")
    table.add_column("checks", justify="right")
    table.add_column("which")
    for status, color in COLORS.items():
        names = [finding.check for finding in findings if finding.status == status]
        table.add_row(Text(status, color), str(len(names)), "" if status == "ok" else ", ".join(names))
    return table


def _quiet() -> None:
    """Suppress the messages of transformers, if it is installed. If the extra `train` is missing, the checks report
    this problem later.
    """
    if find_spec("transformers"):
        from cgc_train.console import quiet

        quiet()
