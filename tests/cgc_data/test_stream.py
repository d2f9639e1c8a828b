"""The batches of a stream, put together, are what `json.loads` gives, wherever the window cuts."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cgc_data.common.errors import SourceError
from cgc_data.sources.stream import JsonStream


class Item(msgspec.Struct):
    id: int
    raw: msgspec.Raw = msgspec.Raw(b"")


DECODERS: dict[str, Any] = {"a": msgspec.json.Decoder(list[Item]), "b": msgspec.json.Decoder(list[Item])}

leaves = (
    st.none()
    | st.booleans()
    | st.integers(-99, 99)
    | st.floats(-9, 9)
    | st.text(max_size=8)
    | st.sampled_from(["}, {", "]", '"', "\\", '\\"}, {', "é", "文字", "\U0001f600"])
)
values = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
items = st.lists(
    st.fixed_dictionaries({"id": st.integers(-(2**60), 2**60)}, optional={"raw": values, "other": values}), max_size=6
)
documents = st.tuples(st.permutations(["a", "b", "other", "info"]), items, items, values, values)
styles = st.sampled_from(
    [{"separators": (",", ":")}, {}, {"indent": 2}, {"indent": "\t", "separators": (" , ", " :\n")}]
)


def read(path: Path, window: int) -> dict[str, list[dict[str, Any]]]:
    data = path.read_bytes()
    found: dict[str, list[dict[str, Any]]] = {"a": [], "b": []}
    with JsonStream(path, window) as stream:
        for batch in stream.batches(DECODERS):
            for item in batch.items:
                record: dict[str, Any] = {"id": item.id}
                if len(item.raw):
                    (start,) = batch.offsets([item.raw])
                    record["raw"] = json.loads(data[start : start + len(item.raw)])
                found[batch.section].append(record)
    return found


@settings(max_examples=150, deadline=None)
@given(document=documents, style=styles, ascii_only=st.booleans(), window=st.integers(1, 400))
def test_any_document_is_read_as_by_json(
    tmp_path_factory: pytest.TempPathFactory, document: Any, style: Any, ascii_only: bool, window: int
) -> None:
    order, a, b, other, info = document
    content = {"a": a, "b": b, "other": other, "info": info}
    path = tmp_path_factory.mktemp("stream") / "file.json"
    path.write_text(json.dumps({key: content[key] for key in order}, ensure_ascii=ascii_only, **style), "utf-8")
    expected = {key: [{k: v for k, v in item.items() if k != "other"} for item in content[key]] for key in "ab"}
    assert read(path, window) == expected


@settings(max_examples=60, deadline=None)
@given(data=st.data(), a=items.filter(bool), window=st.integers(1, 400))
def test_a_file_cut_anywhere_is_refused(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, a: Any, window: int
) -> None:
    text = json.dumps({"info": "é", "a": a, "b": []}, ensure_ascii=False).encode()
    path = tmp_path_factory.mktemp("stream") / "file.json"
    path.write_bytes(text[: data.draw(st.integers(0, len(text) - 1))])
    with pytest.raises(SourceError, match=r"file\.json"):
        read(path, window)


@settings(max_examples=200, deadline=None)
@given(data=st.data(), a=items, b=items, window=st.integers(1, 100))
def test_a_damaged_file_is_refused_unless_it_is_json_all_the_same(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, a: Any, b: Any, window: int
) -> None:
    text = json.dumps({"info": [1, {}], "a": a, "b": b})
    start = data.draw(st.integers(0, len(text)))
    damaged = (
        text[:start] + data.draw(st.text('{}[]",: 1\\', max_size=3)) + text[start + data.draw(st.integers(0, 3)) :]
    )
    path = tmp_path_factory.mktemp("stream") / "file.json"
    path.write_text(damaged)
    try:
        read(path, window)
    except SourceError:
        return
    json.loads(damaged)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not a JSON object"),
        ("[]", "not a JSON object"),
        ('{"a": {}}', "a is not a list"),
        ('{"a": [{"id": 1}, {"id": "x"}]}', r"Expected `int`, got `str` - at a\[1\]\.id"),
        ('{"a": [{"id": 1}, {}]}', r"missing required field `id` - at a\[1\]"),
        ('{"a": [{"id": 1, "x": NaN}]}', "NaN in a, in the record at byte 7"),
        ('{"a": [{"id": 1} {"id": 2}]}', "download it again"),
        ('{"a": []} trailing', "download it again"),
        ('{"a": [' + "[" * 200_000, "download it again"),
    ],
)
def test_a_refusal_says_where_and_what(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "file.json"
    path.write_text(text)
    with pytest.raises(SourceError, match=message):
        read(path, 20)
