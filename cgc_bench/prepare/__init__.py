"""Converts a benchmark's published files to the Parquet shards that the tasks read. The shards are checked and cached,
and the conversion can be resumed.
"""

from cgc_bench.prepare.cache import Prepared, open_prepared, prepared_folder

__all__ = ["Prepared", "open_prepared", "prepared_folder"]
