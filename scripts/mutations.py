"""Mutates the content of files: arbitrary bytes, JSON, Parquet, and zip. Each mutation takes the content of a file and
a random number generator, and returns the mutated content.
"""

import io
import json
import random
import zipfile
from collections.abc import Callable
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.parquet as pq

Mutation: TypeAlias = Callable[[bytes, random.Random], bytes]

DEEP: Any = "deep"  # placeholder for nested lists, which json.dumps itself could not write
ODD: tuple[Any, ...] = (
    None, True, 0, -1, 1, 2**31, 2**63, -(2**64), 10**30, 1e308, -0.0, 1.5, float("nan"), float("inf"), "", " ", "0",
    "a" * 5000, "\x00", "\x1b[2J", "\ud800", "../../x", "/etc/hostname", "http://x/", "[/x]", "{{x}}", "<b>", "%s",
    [], [[]], [None], [0] * 5, ["x"], {}, {"x": 1}, {"size": [9**9, 9**9], "counts": [1]}, DEEP,
)  # fmt: skip
TEXTS = (b"!!int x", b"2026-99-99", b"&a [*a]", b"[" * 500, b"{" * 500, b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"- ",
         b": ", b"\n", b"1e999", b"NaN", b'"', b"'", b"\\", b"<<: *x", b"---\n", b"%", b"=", b"..",
         b"\xe2\x80\xae")  # fmt: skip


def spoil_bytes(content: bytes, rng: random.Random) -> bytes:
    """Change, cut, repeat, or insert a few bytes."""
    data = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 5))):
        at, end = sorted(rng.randrange(len(data) + 1) for _ in range(2))
        end = min(end, at + rng.choice((1, 4, 64, 4096)))
        match rng.randrange(6):
            case 0:
                data[at:end] = rng.randbytes(end - at)
            case 1:
                del data[at:end]
            case 2:
                data[at:at] = data[at:end] * rng.choice((1, 2, 50))
            case 3:
                data[at:at] = rng.choice(TEXTS)
            case 4:
                del data[at:]
            case _:
                data[at:end] = rng.choice(TEXTS)
    return bytes(data)


def spoil_json(content: bytes, rng: random.Random) -> bytes:
    """Replace, remove, or repeat a value in a JSON text or in a line of JSON Lines. The text stays valid JSON."""
    try:
        value = json.loads(content)
    except ValueError:
        lines = content.splitlines() or [b"{}"]
        at = rng.randrange(len(lines))
        lines[at] = spoil_json(lines[at], rng) if lines[at][:1] in (b"{", b"[") else b"{}"
        return b"\n".join(lines) + b"\n"
    spoilt = value
    for _ in range(rng.choice((1, 1, 1, 3))):
        spoilt = _changed(spoilt, rng)
    text = json.dumps(spoilt).replace('"deep"', "[" * 3000 + "]" * 3000)
    return text.encode()


def _changed(value: Any, rng: random.Random) -> Any:
    """Mutate a random part of a value."""
    if not isinstance(value, dict | list) or not value or rng.random() < 0.1:
        return rng.choice(ODD)
    keys = list(value) if isinstance(value, dict) else list(range(len(value)))
    key = rng.choice(keys)
    changed: Any = dict(value) if isinstance(value, dict) else list(value)
    match rng.randrange(8):
        case 0:
            del changed[key]
        case 1 if isinstance(changed, list):
            changed.append(changed[key])
        case 2 if isinstance(changed, dict):
            changed[str(rng.choice(ODD))[:40]] = changed[key]
        case 3:
            changed[key] = value[rng.choice(keys)]
        case _:
            changed[key] = _changed(value[key], rng)
    return changed


def spoil_parquet(content: bytes, rng: random.Random) -> bytes:
    """Mutate a cell or a column of a Parquet file, or remove its last rows. The file stays valid Parquet."""
    table = pq.read_table(io.BytesIO(content))
    if not len(table):
        return spoil_bytes(content, rng)
    name = rng.choice(table.column_names)
    place = table.column_names.index(name)
    match rng.randrange(5):
        case 0:
            spoilt = table.drop_columns([name])
        case 1:
            spoilt = table.set_column(place, name, pa.nulls(len(table), table.schema.field(place).type))
        case 2:
            spoilt = table.set_column(place, name, pa.array([rng.choice((1, 2**60))] * len(table)))
        case 3:
            spoilt = table.slice(0, rng.randrange(len(table)))
        case _:
            spoilt = _with_odd_cell(table, place, rng)
    out = io.BytesIO()
    pq.write_table(spoilt, out)
    return out.getvalue()


def _with_odd_cell(table: pa.Table, place: int, rng: random.Random) -> pa.Table:
    field = table.schema.field(place)
    cells = table.column(place).to_pylist()
    for _ in range(20):  # most unusual values are of another type
        at = rng.randrange(len(cells))
        odd = [*cells[:at], _changed(cells[at], rng), *cells[at + 1 :]]
        try:
            return table.set_column(place, field, pa.array(odd, type=field.type))
        except (pa.ArrowException, TypeError, ValueError, OverflowError, UnicodeError):
            continue
    return table


def spoil_zip(content: bytes, rng: random.Random) -> bytes:
    """Rename or remove entries of a zip archive, or change their content. The archive stays a valid zip."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as given, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for entry in given.namelist():
            data, name = given.read(entry), entry
            match rng.randrange(12):
                case 0:
                    name = str(rng.choice(("../x.jpg", "/x.jpg", "a\\b.jpg", "x" * 200, f"{entry}/", "\x1b.jpg")))
                case 1:
                    data = b""
                case 2:
                    data = spoil_bytes(data, rng)
                case 3 if rng.random() < 0.1:  # slow
                    data = b"\0" * 20_000_000
                case 4:
                    continue
            made.writestr(name, data)
    return out.getvalue()
