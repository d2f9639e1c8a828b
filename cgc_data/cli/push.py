"""`cgc-data push`: publish a finished release on the Hugging Face Hub."""

from pathlib import Path

import rich_click as click

from cgc_data.common.progress import say, show


@click.command()
@click.argument("release", type=click.Path(path_type=Path))
@click.argument("repo_id", metavar="ORG/NAME")
@click.option(
    "--tag", required=True, metavar="vX.Y.Z", help=("Version tag of this release. An existing tag is never moved.")
)
@click.option("--private", is_flag=True, help="Make the repository private.")
@click.option(
    "--noncommercial",
    is_flag=True,
    help=("Allow photos that are licensed for non-commercial use only, if the release was built with them."),
)
@click.option(
    "--since",
    type=click.Path(path_type=Path),
    metavar="R1",
    help="Folder of the previous version; the card then lists what changed.",
)
def push(release: Path, *, repo_id: str, tag: str, private: bool, noncommercial: bool, since: Path | None) -> None:
    """Publish RELEASE as a version of the dataset ORG/NAME on the Hub.

    Log in with `hf auth login` or HF_TOKEN. To resume an interrupted push, run the command again. A version that
    already exists is not changed.
    """
    from cgc_data.hub import push as push_release

    result = push_release(
        release, repo_id, tag=tag, private=private, noncommercial=noncommercial, since=since, on_event=say
    )
    show(result.load_example)
