"""The distinct categories of a file. Duplicates and unused root categories, which export tools add, are dropped."""

from collections import defaultdict
from collections.abc import Set
from pathlib import Path
from typing import Any

import pyarrow as pa

from cgc_data.sources.columns import sorted_by_id
from cgc_data.sources.table import CATEGORIES


def distinct_categories(path: Path, parts: list[pa.Table], used: Set[int]) -> pa.Table:
    """The distinct categories that questions can be about, sorted by id. `used` contains the ids to which annotations
    refer.

    A category that is listed twice counts once. A category without annotations is dropped if it is the supercategory of
    another category, or has the same name as a category with annotations. For example, Roboflow adds a root category
    such as "animal". If it were kept, all photos would seem to show no animal, because their animals are boxed under
    other categories. Raises SourceError if two different categories have the same id.
    """
    table = pa.concat_tables([CATEGORIES.empty_table(), *parts]).combine_chunks()
    rows = table.to_pylist()
    first = {tuple(map(str, row.values())): number for number, row in reversed(list(enumerate(rows)))}
    kept = sorted(first.values())
    roots = _roots([rows[number] for number in kept], used)
    chosen = [number for number in kept if rows[number]["category_id"] not in roots]
    return sorted_by_id(path, "category", [table.take(pa.array(chosen, pa.int64()))], CATEGORIES)


def _roots(rows: list[dict[str, Any]], used: Set[int]) -> set[int]:
    """Ids of unused categories that are the supercategory of another category, or have the same name as a category with
    annotations.
    """
    below: defaultdict[str, set[int]] = defaultdict(set)
    for row in rows:
        below[row["supercategory"]].add(row["category_id"])
        if row["category_id"] in used:
            below[row["name"]].add(row["category_id"])
    return {
        row["category_id"]
        for row in rows
        if row["category_id"] not in used and below[row["name"]] - {row["category_id"]}
    }
