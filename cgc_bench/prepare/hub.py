"""Rows of a Parquet dataset on the Hub, read through the Hub's cache or from a local copy of the repository."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.parquet as pq

from cgc_bench.errors import PrepareError
from cgc_bench.prepare.files import shortened
from cgc_data.release.inside import inside

Row: TypeAlias = Mapping[str, Any]


def hub_rows(name: str, configuration: str | None, split: str, revision: str | None) -> Iterator[Row]:
    """Iterate over the rows of one split. Images are `{"bytes", "path"}`.

    `name` is ORG/NAME on the Hub, or the folder of a local copy. Raises PrepareError if the dataset cannot be
    downloaded or read.
    """
    for file in _files(name, configuration, split, revision):
        yield from _rows(file)


def _files(name: str, configuration: str | None, split: str, revision: str | None) -> list[str]:
    """The Parquet files of one split, as listed in the README of the repository. Files on the Hub are downloaded to the
    Hub's cache.
    """
    from datasets import DownloadManager, load_dataset_builder

    try:
        listed = list(load_dataset_builder(name, configuration, revision=revision).config.data_files[split])
        for file in listed if Path(name).is_dir() else ():
            inside(Path(name), os.path.relpath(file, name))
        files: list[str] = DownloadManager(name).download(listed)
    except Exception as error:  # the library and the Hub raise many kinds of errors, each for missing data
        fault = shortened(error)
        raise PrepareError(
            f"{name} cannot be read ({fault}); fetch the repository, and pass it to `cgc-bench prepare` with --from"
        ) from None
    return files


def _rows(file: str) -> Iterator[Row]:
    try:
        with pq.ParquetFile(file) as table:
            for batch in table.iter_batches(batch_size=1):
                yield batch.to_pylist()[0]
    except (OSError, pa.ArrowException) as error:
        raise PrepareError(f"{file}: not readable ({error}); fetch it again") from None
