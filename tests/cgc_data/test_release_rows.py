"""The types of rows and the columns that shards are written with say the same."""

from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints, is_typeddict

import pyarrow as pa
import pytest

from cgc_data.plan.part import PLAN_SCHEMA
from cgc_data.release.rows import PlannedRow, Row
from cgc_data.release.schema import arrow_schema

SCALARS = {str: pa.types.is_string, int: pa.types.is_integer, float: pa.types.is_floating, bytes: pa.types.is_binary}


def differences(hint: Any, column: pa.DataType, place: str) -> list[str]:
    """Places at which a type and an Arrow type differ."""
    if isinstance(hint, UnionType):
        (hint,) = [inner for inner in get_args(hint) if inner is not NoneType]
    if is_typeddict(hint):
        fields = {name: inner for name, inner in get_type_hints(hint).items() if name in hint.__required_keys__}
        names = {column.field(n).name for n in range(column.num_fields)} if pa.types.is_struct(column) else set()
        if fields.keys() != names:
            return [f"{place}: {sorted(fields.keys() ^ names)}"]
        return [
            d for name, inner in fields.items() for d in differences(inner, column.field(name).type, f"{place}.{name}")
        ]
    if get_origin(hint) is list:
        if not pa.types.is_list(column):
            return [f"{place}: {column} is no list"]
        return differences(get_args(hint)[0], column.value_type, f"{place}[]")
    return [] if SCALARS[hint](column) else [f"{place}: {hint} is not {column}"]


@pytest.mark.parametrize(
    ("row", "schema", "without"), [(Row, arrow_schema(), set()), (PlannedRow, PLAN_SCHEMA, {"images"})]
)
def test_rows_have_the_columns_of_their_schema(row: type, schema: pa.Schema, without: set[str]) -> None:
    hints = {name: hint for name, hint in get_type_hints(row).items() if name not in without}
    assert set(hints) == set(schema.names)
    assert [d for name, hint in hints.items() for d in differences(hint, schema.field(name).type, name)] == []


def test_a_difference_is_found() -> None:
    assert differences(list[int], pa.list_(pa.string()), "window") == ["window[]: <class 'int'> is not string"]
    assert differences(get_type_hints(Row)["query"], pa.struct([("label", pa.string())]), "query") != []
