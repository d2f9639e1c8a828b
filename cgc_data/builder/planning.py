"""The first stage of a build: reads the sources, builds the index, and stores a plan for the later stages."""

import hashlib
import json
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.parquet as pq

from cgc_data.builder.changes import Stamps, digest, file_stamps, photo_states
from cgc_data.builder.draft import (
    PHOTOS,
    RECORD,
    Draft,
    damaged,
    displayed,
    images_of,
    refuse_url,
    stored_draft,
    versions,
    write_draft,
)
from cgc_data.builder.finish import source_facts
from cgc_data.builder.locks import alone, cache_of
from cgc_data.builder.work import (
    REJECTED,
    WORK,
    claim,
    explained,
    forgotten_if_refused,
    make_folder,
    start_over,
    unchanged_files,
)
from cgc_data.common.errors import BuildError, SourceError
from cgc_data.common.executor import Executor
from cgc_data.common.processes import HERE
from cgc_data.common.progress import say
from cgc_data.common.remote import local_file, url_of
from cgc_data.common.versions import library_versions
from cgc_data.config import BuildConfig
from cgc_data.index.build import Index, build_index
from cgc_data.painter.embedded import with_sources
from cgc_data.plan.build import Plan, make_plan
from cgc_data.plan.part import PART_FILES
from cgc_data.plan.parts import PLAN_VERSION
from cgc_data.release.remote import local_copy
from cgc_data.sources.read import file_sha256


def plan_release(config: BuildConfig, out: Path, *, executor: Executor = HERE) -> Draft:
    """Plan a release and store the plan in `out`. Any machines that share the folder can then run `render_release` and
    `finish_release`.

    Raises BuildError if the folder contains other files or a finished release, or if another build is writing into it.
    Errors from reading the sources and from making the plan are also raised.
    """
    refuse_url(out)
    with explained(out):
        make_folder(out)
        with alone(out):
            draft = planned(config, out, executor)
    if draft is None:
        raise BuildError(f"{out}: already finished; view it with: cgc-data preview {out}")
    return draft


def plan_only(config: BuildConfig, out: Path, *, executor: Executor = HERE) -> Plan:
    """The plan that `--dry-run` shows. Nothing is written into `out`."""
    out = local_copy(url) if (url := url_of(out)) else out
    with explained(out):
        cache = cache_of(out)
        with TemporaryDirectory(prefix="dry-run-", dir=cache, ignore_cleanup_errors=True) as folder:
            config = with_sources(config, cache)
            index = build_index(config, cache, executor)
            return make_plan(index, config, Path(folder), cache, executor)


def planned(config: BuildConfig, out: Path, executor: Executor) -> Draft | None:
    """Make a plan for a locked folder, or reuse the plan of a stopped build. Returns None if the release is already
    finished.
    """
    cache = cache_of(out)
    config = with_sources(config, cache)
    stamps = file_stamps(config)
    fingerprint = _fingerprint(config)
    work = claim(out, fingerprint)
    if work is None:
        return None
    with unchanged_files(stamps, out), forgotten_if_refused(out, work):
        draft = _draft(config, out, executor, stamps, fingerprint)
        write_draft(draft, work)
        for path in work.glob(f"{PART_FILES}*"):
            path.unlink()
    return draft


def _draft(config: BuildConfig, out: Path, executor: Executor, stamps: Stamps, fingerprint: str) -> Draft:
    index = build_index(config, cache_of(out), executor)
    states, facts = photo_states(index), source_facts(index, config)
    plan = _plan(index, config, out, executor, states)
    return Draft(
        fingerprint=fingerprint,
        versions=versions(),
        settings=config.model_dump(mode="json"),
        images=images_of(facts, config),
        displayed=displayed(facts, config),
        stamps=stamps,
        photos=digest(states),
        facts=facts,
        plan=plan,
        digests={path.name: file_sha256(path) for path in _plan_files(out / WORK)},
    )


def _fingerprint(config: BuildConfig) -> str:
    """Hash of everything that determines the bytes of a release: the settings, the content of the sources, the library
    versions, and the version of the plan format.
    """
    values = config.model_dump(mode="json", exclude={"max_rejected"})
    for source in values["sources"]:
        path = local_file(source["annotations"])
        if not path.is_file():
            raise SourceError(f"{path}: no such annotation file; correct the path (flags take ANN.json:IMAGES)")
        source["annotations"] = file_sha256(path)
    values["exclude"] = [file_sha256(Path(file)) for file in config.exclude]
    like = (path for folder in config.exclude_like for path in Path(folder).rglob("*") if path.is_file())
    values["exclude_like"] = sorted(file_sha256(path) for path in like)
    return hashlib.sha256(json.dumps([values, library_versions(), PLAN_VERSION], sort_keys=True).encode()).hexdigest()


def _plan(
    index: Index,
    config: BuildConfig,
    out: Path,
    executor: Executor,
    states: pa.Table,
) -> Plan:
    """The plan of the build. An earlier plan is reused if it is intact and the photos have not changed since it was
    made.

    If planning was interrupted, the finished parts of the plan are reused under the same conditions.
    """
    work, photos = out / WORK, digest(states)
    known = stored_draft(work)
    if known and known.photos == photos and not damaged(known, work, known.digests):
        return known.plan
    if (work / RECORD).exists():
        say(f"{out}: photos or work in progress changed since the build began; starting over")
        start_over(out, [])
    pq.write_table(states, work / PHOTOS, compression="zstd")
    return make_plan(index, config, work, cache_of(out), executor, photos)


def _plan_files(work: Path) -> list[Path]:
    """The files that belong to a complete plan."""
    return sorted({*work.glob("*.parquet")}.difference(work.glob(f"{PART_FILES}*"), [work / REJECTED]))
