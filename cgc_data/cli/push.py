"""`cgc-data push`: publish a finished release on the Hugging Face Hub."""

from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from cgc_data.common.progress import say, show

if TYPE_CHECKING:
    from cgc_data.hub import Prepared


@click.command()
@click.argument("release", type=click.Path(path_type=Path))
@click.argument("repo_id", metavar="ORG/NAME")
@click.option(
    "--tag", required=True, metavar="vX.Y.Z", help=("Version tag for this release. An existing tag is never moved.")
)
@click.option(
    "--private", is_flag=True, help="Create the repository as private. An existing repository must already be private."
)
@click.option(
    "--noncommercial",
    is_flag=True,
    help=(
        "Allow photos whose license permits only non-commercial use. The release must have been built with --licenses "
        "noncommercial."
    ),
)
@click.option(
    "--since",
    type=click.Path(path_type=Path),
    metavar="R1",
    help="Folder of the previous version. The card then lists what changed since that version.",
)
@click.option(
    "--dry-run",
    is_flag=True,
    help="Run the checks that do not need the Hub, and report the number and size of the files.",
)
def push(
    release: Path, *, repo_id: str, tag: str, private: bool, noncommercial: bool, since: Path | None, dry_run: bool
) -> None:
    """Publish RELEASE as a version of the dataset ORG/NAME on the Hub.

    Log in with `hf auth login` or HF_TOKEN. To resume an interrupted push, run the command again. A version that
    already exists is not changed.
    """
    from cgc_data.hub import prepare
    from cgc_data.hub import push as push_release

    if dry_run:
        _report(prepare(release, repo_id, tag=tag, noncommercial=noncommercial, since=since), repo_id, tag, private)
        return
    result = push_release(
        release, repo_id, tag=tag, private=private, noncommercial=noncommercial, since=since, on_event=say
    )
    show(result.load_example)


def _report(prepared: "Prepared", repo_id: str, tag: str, private: bool) -> None:
    """Print what a push would publish."""
    photos = "every stored photo may be published" if prepared.release.has_images else "no photos are stored"
    show(f"repository: {repo_id}, tag {tag}{', private' if private else ''}")
    show(f"files: {len(prepared.contents):,} ({prepared.size:,} bytes)")
    show("card: README.md and its metadata are valid")
    show(f"licenses: {photos}")
    show("dry run: nothing was uploaded; the login, the repository, and the tag were not checked")
