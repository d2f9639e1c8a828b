"""From a benchmark's published files to the Parquet shards that the tasks read: checked, cached, resumable."""

from cgc_bench.prepare.cache import Prepared, open_prepared, prepared_folder
from cgc_bench.prepare.layouts import LAYOUTS
from cgc_bench.prepare.write import prepare

__all__ = ["LAYOUTS", "Prepared", "open_prepared", "prepare", "prepared_folder"]
