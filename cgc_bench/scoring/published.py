"""A benchmark whose authors publish annotation files and images.

The class defines the layout of these files and prepares the benchmark from them.
"""

from pathlib import Path

from cgc_bench.prepare import settings
from cgc_bench.prepare.cache import Prepared
from cgc_bench.prepare.layout import ItemT, Layout
from cgc_bench.prepare.write import prepare_files
from cgc_bench.scoring.benchmark import Benchmark, ResultT


class PublishedBenchmark(Benchmark[ItemT, ResultT]):
    """A benchmark with a `layout`."""

    layout: Layout[ItemT]

    def prepared(self, task: str, variant: str) -> Prepared:  # noqa: ARG002 - all its tasks are prepared at once
        """Prepare all tasks from the files that the environment variables select."""
        return prepare_files(self.name, self.layout, self.read_items, variant, revision=settings.revision(self.name))

    def prepare(
        self, part: str, annotations: str | None = None, *, source: Path | None = None, revision: str | None = None
    ) -> Prepared:
        """Prepare the benchmark from the Hub or from a local copy of its files. `annotations` is a variant or an
        annotation file.
        """
        variant = annotations if annotations in self.layout.variants else None
        file = Path(annotations) if annotations and variant is None else None
        return prepare_files(
            part, self.layout, self.read_items, variant, source=source, annotations=file, revision=revision
        )
