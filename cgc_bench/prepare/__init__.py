"""Convert a benchmark's published files to the Parquet shards that the tasks read: checked, cached, resumable."""

from cgc_bench.prepare.cache import Prepared, open_prepared, prepared_folder

__all__ = ["Prepared", "open_prepared", "prepared_folder"]
