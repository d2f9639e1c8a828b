"""Builds a release in one command: plans, renders, and finishes it, or resumes an interrupted build.

Work in progress is in OUT/.build. The manifest is written last, so its presence means that the release is complete.
"""

from dataclasses import replace
from pathlib import Path

from cgc_data.builder.finishing import Built, already_finished, completed
from cgc_data.builder.locks import alone
from cgc_data.builder.planning import planned
from cgc_data.builder.rendering import rendered, shard_tasks
from cgc_data.builder.work import explained, make_folder, unchanged_files
from cgc_data.common.executor import Executor
from cgc_data.common.processes import HERE
from cgc_data.common.remote import url_of
from cgc_data.config import BuildConfig
from cgc_data.release.remote import local_copy, publish


def build_release(config: BuildConfig, out: Path, *, executor: Executor = HERE) -> Built:
    """Build a release into `out`, resuming an interrupted build of the same configuration.

    If `out` is a URL, the release is built in a local folder and then copied to the URL. The manifest is copied last.

    Raises BuildError if the folder contains other files, another build is writing into it, the disk is full, or too
    many rows were rejected. Also raises the errors of the individual stages.
    """
    if url := url_of(out):
        built = build_release(config, local_copy(url), executor=executor)
        publish(built.folder, url)
        return replace(built, folder=out)
    with explained(out):
        make_folder(out)
        with alone(out):
            draft = planned(config, out, executor)
            if draft is None:
                return already_finished(out)
            tasks = shard_tasks(draft, out)
            with unchanged_files(draft.stamps, out):
                receipts = rendered(tasks, executor)
            return completed(draft, tasks, receipts, out)
