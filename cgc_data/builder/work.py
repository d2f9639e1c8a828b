"""Manages the output folder during a build.

Work in progress is in OUT/.build, together with the fingerprint of the build. A stopped build can resume. Files of
different builds never mix, and two builds never write at the same time.
"""

import errno
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from cgc_data.builder.changes import Stamps, check_files
from cgc_data.builder.finish import write_rejected
from cgc_data.builder.shards import write_atomically
from cgc_data.common.disk import refusal
from cgc_data.common.errors import BuildError, CgcError, ReleaseError, SourceError, WorkerError
from cgc_data.plan.askable import Rejection
from cgc_data.release.inside import check_links
from cgc_data.release.manifest import Manifest
from cgc_data.release.read import open_release
from cgc_data.tasks import CONTRASTS

WORK, FINGERPRINT, REJECTED = ".build", "fingerprint", "rejected.parquet"
_REFUSED = (errno.EACCES, errno.EROFS, errno.EPERM, errno.ENOTDIR, errno.EEXIST, errno.ENAMETOOLONG)
_GONE = "the folder was removed while the command ran; run the command again to start over"


def claim(out: Path, fingerprint: str) -> Path | None:
    """Create the folder for work in progress, or reuse the folder of a stopped build. Returns None if this release is
    already finished.

    Raises BuildError if the folder contains other files.
    """
    work = out / WORK
    record = work / FINGERPRINT
    if (out / "manifest.json").exists():
        if _manifest(out).get("fingerprint") == fingerprint:
            shutil.rmtree(work, ignore_errors=True)  # still exists if a build was killed between its last two steps
            return None
        raise BuildError(f"{out}: contains another finished release; choose another --out, or delete the folder")
    resumed = record.exists() and record.read_text(encoding="utf-8") == fingerprint
    if not resumed and any(path.name != WORK for path in out.iterdir()):
        if not record.exists():
            raise BuildError(f"{out}: not empty, and not a build; choose another --out")
        raise BuildError(
            f"{out}: contains an unfinished build of other settings, sources, or library versions; choose another "
            "--out, or delete it"
        )
    check_links(out)
    if resumed:
        for left in work.glob("*.part"):  # partial shards left by a full disk or a kill
            left.unlink()
        return work
    shutil.rmtree(work, ignore_errors=True)  # the settings differ, but nothing was rendered yet
    make_folder(work)
    write_atomically(record, fingerprint)
    return work


def _manifest(out: Path) -> Manifest:
    try:
        return open_release(out).manifest
    except ReleaseError as error:
        raise BuildError(f"{error} (first delete {out}, or choose another --out)") from None


@contextmanager
def unchanged_files(before: Stamps, out: Path) -> Iterator[None]:
    """Raise SourceError if an input file changes while the `with` block runs. SourceError replaces any error that the
    block raises.

    Files that were built from the changed inputs are removed.
    """
    try:
        yield
    finally:
        try:
            check_files(before)
        except SourceError:
            for name in (*CONTRASTS, WORK):
                shutil.rmtree(out / name, ignore_errors=True)
            raise


def make_folder(path: Path) -> None:
    """Create a folder unless it exists. Raises BuildError if it cannot be created."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BuildError(f"{path}: cannot create the folder ({error.strerror}); choose another --out") from None


@contextmanager
def forgotten_if_refused(out: Path, work: Path) -> Iterator[None]:
    """If the sources or settings are rejected before a plan is complete, remove the work in progress, and also the
    output folder if it is then empty.
    """
    try:
        yield
    except (BuildError, WorkerError):  # the parts that are planned remain
        raise
    except CgcError:
        if any(work.glob("plan.json")):  # a build is in progress; unreachable photos may be available later
            raise
        shutil.rmtree(work, ignore_errors=True)
        if not any(out.iterdir()):
            out.rmdir()
        raise


def start_over(out: Path, rejected: Sequence[Rejection]) -> Path:
    """Delete the plan and the shards, and write the list of rejected samples.

    The next run makes a new plan.
    """
    for contrast in CONTRASTS:
        shutil.rmtree(out / contrast, ignore_errors=True)
    for path in (out / WORK).iterdir():
        if path.name != FINGERPRINT:
            path.unlink()
    return write_rejected(out / WORK / REJECTED, rejected)


@contextmanager
def explained(out: Path, option: str = "--out") -> Iterator[None]:
    """Turn disk errors (a full disk, a read-only disk, or a file in the way) into a BuildError that suggests a fix."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise BuildError(f"{out}: the disk is full; free some space and run again") from None
        if error.errno == errno.EFBIG:
            raise BuildError(f"{out}: a file is too large for this disk; set a smaller shard_rows") from None
        if error.errno in _REFUSED:
            raise BuildError(f"{error.filename or out}: cannot be written; choose another {option}") from None
        if error.errno == errno.ENOENT and not out.exists():
            raise BuildError(f"{out}: {_GONE}") from None
        raise BuildError(refusal(error, out)) from None
