"""`cgc-train push`: publish the model of a run on the Hugging Face Hub."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import rich_click as click

from cgc_data.common.progress import say, show

if TYPE_CHECKING:
    from cgc_data.hub.gate import Contents


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("repo_id", metavar="ORG/NAME")
@click.option("--tag", metavar="vX.Y.Z", help="Version tag for this model. The command never moves an existing tag.")
@click.option(
    "--private",
    is_flag=True,
    help="Create the repository as private. An existing repository must already be private.",
)
@click.option(
    "--license",
    "--licence",
    "license",
    default="apache-2.0",
    show_default=True,
    help="License of the trained model.",
)
@click.option(
    "--results",
    multiple=True,
    metavar="[DATASET=]FILE",
    help=(
        "Results file written by `cgc-bench score --json`. The scores are published in the model card and as "
        "evaluation results on the Hub. DATASET is the Hub id of the benchmark's data set; you need it unless the "
        "benchmark is MIG-Bench, VLM2-Bench, or the run's release on the Hub. Repeatable."
    ),
)
@click.option("--dry-run", is_flag=True, help="Merge the model and print the model card, but upload nothing.")
def push(
    run: Path,
    repo_id: str,
    *,
    tag: str | None,
    private: bool,
    license: str,
    results: tuple[str, ...],
    dry_run: bool,
) -> None:
    """Merge the adapters of RUN, and publish the model as ORG/NAME with a generated model card.

    Before you run this command, log in with `hf auth login`, or set HF_TOKEN.
    """
    from cgc_data.common.extras import need

    need("train")
    from cgc_train.console import quiet
    from cgc_train.publish.push import prepare_model, push_model
    from cgc_train.run import open_run

    quiet()
    if dry_run:
        with TemporaryDirectory() as folder:
            _report(prepare_model(open_run(run), repo_id, Path(folder), tag=tag, license=license, results=results))
        return
    pushed = push_model(open_run(run), repo_id, tag=tag, private=private, license=license, results=results)
    show(f"{pushed.url} at {pushed.tag or pushed.commit}")


def _report(contents: "Contents") -> None:
    """Print the model card to stdout, and a summary of the files to stderr. `contents` is what a push would publish."""
    from cgc_data.hub.gate import size_of

    show(bytes(contents["README.md"]).decode(), end="")
    say(f"files: {len(contents)} ({size_of(contents):,} bytes)")
    say("dry run: nothing was uploaded; the login, the repository, and the tag were not checked")
