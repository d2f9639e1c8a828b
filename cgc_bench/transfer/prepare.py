"""Converts a dataset to the questions and images that the tasks read. The dataset comes from the Hub or from a local
copy of its repository.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

from cgc_bench.errors import PrepareError
from cgc_bench.prepare.cache import Prepared, find_revision, prepared_folder
from cgc_bench.prepare.hub import hub_rows
from cgc_bench.prepare.lines import written
from cgc_bench.prepare.stage import digest_of, prepare_once, settle, stage_shard, write_whole
from cgc_bench.prepare.versions import with_digest
from cgc_bench.prepare.write import whole_image
from cgc_bench.transfer.items import Item
from cgc_bench.transfer.rows import SOURCES, Question, Source
from cgc_data.metrics.clusters import photo_clusters

QUESTIONS = "questions.jsonl"


def prepare_transfer(task: str, *, source: Path | None = None, revision: str | None = None) -> Prepared:
    """Prepare one transfer task, and store it in the cache. Returns immediately if the cache already contains it,
    unless you pass `source`.

    Args:
        task: key of `SOURCES`.
        source: local copy of the repository; None uses the repository on the Hub.
        revision: revision of the repository. None selects the latest one, and every report then states that the
            revision is not pinned.

    Raises:
        PrepareError: the dataset cannot be downloaded or read, a column or an image is missing, or the cache cannot be
            written.
    """
    folder = prepared_folder("transfer", task)
    if source is not None and not source.is_dir():
        raise PrepareError(f"{source}: no such folder; name a copy of the repository {SOURCES[task].repository}")
    return prepare_once(
        folder,
        lambda: None if source else find_revision(folder, revision),
        lambda stage: _prepare(task, source, revision, folder, stage),
    )


def _prepare(task: str, source: Path | None, revision: str | None, folder: Path, stage: Path) -> Prepared:
    where = SOURCES[task]
    items = _items(task, where, source, revision)
    version = items[0].version
    digest = digest_of(version, ((item.index, item.images) for item in items))
    stage_shard(stage, folder, task, digest, partial(_images, items, where, source, revision))
    write_whole(stage / QUESTIONS, written(items))
    label = f"{'a local copy' if source else where.repository}@{revision or 'unpinned'}"
    return settle(stage, folder, annotations=stage / QUESTIONS, version=version, source=label, digests={task: digest})


def _items(task: str, where: Source, source: Path | None, revision: str | None) -> list[Item]:
    # Keep only digests of the images: the images of a dataset do not fit in memory.
    found = [(replace(question, images=()), _digests(question)) for question in _questions(where, source, revision)]
    if not found:
        raise PrepareError(f"{source or where.repository}: no questions in the split {where.split}; fetch it again")
    clusters = photo_clusters([(f"{task}/{question.name}", *digests) for question, digests in found])
    items = [
        _item(task, question, digests, cluster) for (question, digests), cluster in zip(found, clusters, strict=True)
    ]
    version = with_digest(revision or "unpinned", written(items))
    return [replace(item, version=version) for item in items]


def _digests(question: Question) -> tuple[str, ...]:
    name = f"an image of question {question.name}"
    return tuple(hashlib.sha256(whole_image(content, name)).hexdigest() for content in _contents(question))


def _item(task: str, question: Question, digests: tuple[str, ...], cluster: str) -> Item:
    return Item(
        index=f"{task}/{question.name}",
        task=task,
        group=question.group,
        kind=question.kind,
        question=question.question,
        options=question.options,
        answers=question.answers,
        decimals=question.decimals,
        marks=question.marks,
        images=digests,
        version="",
        cluster=cluster,
        fault=_fault(question),
    )


def _fault(question: Question) -> str:
    if not question.answers:
        return "the answer is not one of the options"
    if question.kind == "choice" and not question.options:
        return "no options"
    return ""


def _images(
    items: list[Item], where: Source, source: Path | None, revision: str | None
) -> Iterator[tuple[str, list[bytes]]]:
    for item, question in zip(items, _questions(where, source, revision), strict=True):
        yield item.index, _contents(question)


def _contents(question: Question) -> list[bytes]:
    found = [cell["bytes"] for cell in question.images if cell and cell["bytes"]]
    if not found or len(found) < len(question.images):
        raise PrepareError(
            f"question {question.name}: one of its images is missing from the dataset; download the dataset again"
        )
    return found


def _questions(where: Source, source: Path | None, revision: str | None) -> Iterator[Question]:
    name = str(source or where.repository)
    for configuration in where.configurations:
        for row in hub_rows(name, configuration, where.split, None if source else revision):
            try:
                yield where.read(row)
            except (KeyError, TypeError, AttributeError, ValueError) as error:
                raise PrepareError(f"{name}: a row does not match {where.repository} ({error!r})") from None
