"""How a shard is written: each photo once and plain, everything else compressed."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from cgc_data.builder.shards import IMAGE_BYTES, write_row_groups
from tests.tiny_release import row


def test_images_are_plain_and_the_rest_is_compressed(tmp_path: Path) -> None:
    """The Hub finds plain images of an earlier version again, wherever they stand in the file."""
    rows = [row("inter", "train", number) for number in range(12)]
    path = tmp_path / "shard.parquet"
    count, num_bytes = write_row_groups(path, iter([rows]))
    assert (count, num_bytes) == (12, pytest.approx(pq.read_table(path).nbytes, rel=0.01))
    group = pq.ParquetFile(path).metadata.row_group(0)
    columns = {group.column(place).path_in_schema: group.column(place) for place in range(group.num_columns)}
    codecs = {name: column.compression for name, column in columns.items()}
    assert codecs.pop(IMAGE_BYTES) == "UNCOMPRESSED"
    assert set(codecs.values()) == {"ZSTD"}
    images = columns[IMAGE_BYTES]
    assert images.has_dictionary_page
    shown = sum(len(image["bytes"]) for found in rows for image in found["images"])
    assert images.total_compressed_size < shown / 2, "every photo is there once"
