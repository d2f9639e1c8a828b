"""Reads the lists of a large JSON object batch by batch, and decodes them with msgspec. The keys may be in any order.

One window slides over the file. The window is cut at a likely boundary between two elements, wrapped in brackets, and
decoded as a list. If this succeeds, the cut was correct. Decoding can fail at the end of a list, or if elements contain
lists of objects. In these cases, the JSON decoder of the standard library finds the exact cut.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn, Protocol

import msgspec
import pyarrow as pa

from cgc_data.common.errors import SourceError
from cgc_data.common.text import BYTE_ORDER_MARK, likely_encoding, not_utf8

OPTIONAL = ("licenses",)  # null in some tools' files
WINDOW = 1 << 19
LARGEST_ELEMENT = 64 << 20
PEEK = 1 << 6
SHORT_VALUE = 1 << 12


class ListDecoder(Protocol):
    """Decodes a JSON list; raises msgspec.DecodeError."""

    def decode(self, buf: memoryview, /) -> list[Any]: ...


_BETWEEN = re.compile(rb"\}[ \t\r\n]*(,)[ \t\r\n]*\{")
_SPACE = re.compile(r"[ \t\r\n]*")
_INDEX = re.compile(r" - at `\$\[(\d+)\](.*)`$")
_PASS_OVER: ListDecoder = msgspec.json.Decoder(list[msgspec.Raw])


@dataclass(frozen=True)
class Batch:
    """Consecutive elements of one top-level list. `Raw` fields are valid until the next batch is requested."""

    section: str
    items: list[Any]
    shift: int  # memory address of a byte minus its offset in the file

    def offsets(self, raws: list[msgspec.Raw]) -> list[int]:
        """Offset of each `Raw` field in the file, in bytes. The fields must belong to items of this batch."""
        shift = self.shift
        return [pa.py_buffer(raw).address - shift for raw in raws]


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)


class JsonStream:
    """The JSON object in a file, as a context manager.

    Raises SourceError if the file is missing, truncated, or not a JSON object, or if an element does not have the type
    that its decoder expects.
    """

    def __init__(self, path: Path, window: int = WINDOW) -> None:
        self._path = path
        try:
            self._file = path.open("rb", buffering=0)
        except OSError as error:
            raise SourceError(f"{path}: {error.strerror}; give the path of an annotation file") from error
        self.sections: list[str] = []  # keys seen so far
        self._size = path.stat().st_size
        self._window = max(min(window, self._size), 1)
        self._buffer = bytearray(1 + self._window)
        self._filled = 0
        self._position = 0
        self._section = ""
        self._count = 0
        self._exact = json.JSONDecoder(parse_constant=_refuse)

    def __enter__(self) -> "JsonStream":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def batches(self, decoders: Mapping[str, ListDecoder]) -> Iterator[Batch]:
        """Elements of the lists named in `decoders`, in file order; other keys are skipped. Raises SourceError."""
        self._pass_over_mark()
        if self._peek() != "{":
            raise SourceError(f"{self._path}: not a JSON object; give a file in COCO or LVIS format")
        self._position += 1
        more = self._peek() != "}"
        while more:
            self._section, self._count = self._key(), 0
            self.sections.append(self._section)
            decoder = decoders.get(self._section)
            if self._peek() == "[":
                self._position += 1
                yield from self._elements(decoder)
            elif decoder is None or (self._section in OPTIONAL and self._peek() == "n"):
                self._value()
            else:
                raise SourceError(f"{self._path}: {self._section} is not a list; give a file in COCO or LVIS format")
            more = self._more("}")
        self._position += 1
        if self._peek():
            self._damaged("the file has unexpected content after the end of the object")

    def _pass_over_mark(self) -> None:
        self._load(PEEK)
        head = bytes(self._buffer[1 : 1 + self._filled])
        if head.startswith(BYTE_ORDER_MARK):
            self._position = len(BYTE_ORDER_MARK)
        elif likely_encoding(head).startswith("UTF"):
            raise SourceError(f"{self._path}: {not_utf8(head, 0)}")

    def _elements(self, decoder: ListDecoder | None) -> Iterator[Batch]:
        more = self._peek() != "]"
        while more:
            items, cut = self._decode(decoder or _PASS_OVER)
            if decoder:
                shift = pa.py_buffer(self._buffer).address + 1 - self._position
                yield Batch(self._section, items, shift)
            self._count += len(items)
            self._position += cut - 1
            more = self._more("]")
        self._position += 1

    def _more(self, closing: str) -> bool:
        """Skip a comma. Returns False if the next character is the closing bracket instead of a comma."""
        found = self._peek()
        if found == ",":
            self._position += 1
        if found not in (",", closing) or (found == "," and self._peek() == closing):
            self._damaged(f"expected a comma or {closing}")
        return found == ","

    def _decode(self, decoder: ListDecoder) -> tuple[list[Any], int]:
        """The next elements, and the buffer position of the comma or bracket that follows them."""
        self._load(self._window)
        cut = self._likely_cut()
        if cut:
            try:
                return self._decode_to(cut, decoder), cut
            except msgspec.DecodeError:  # the cut is not between two elements of this list
                pass
        cut = self._exact_cut()
        try:
            return self._decode_to(cut, decoder), cut
        except msgspec.DecodeError as error:
            self._damaged(str(error))

    def _decode_to(self, cut: int, decoder: ListDecoder) -> list[Any]:
        self._check_text(cut)
        behind = self._buffer[cut]
        self._buffer[0], self._buffer[cut] = b"[]"
        try:
            return decoder.decode(memoryview(self._buffer)[: cut + 1])
        except msgspec.ValidationError as error:
            where = _INDEX.sub(lambda m: f" - at {self._section}[{self._count + int(m[1])}]{m[2]}", str(error))
            raise SourceError(f"{self._path}: {where}; give a file in COCO or LVIS format") from error
        except RecursionError:
            self._damaged("lists nested too deep")
        finally:
            self._buffer[cut] = behind

    def _likely_cut(self) -> int:
        """Buffer position of the window's last comma between `}` and `{`; 0 if the window contains no such comma."""
        brace = self._buffer.rfind(b"}", 1, 1 + self._filled)
        while brace > 0:
            if found := _BETWEEN.match(self._buffer, brace, 1 + self._filled):
                return found.start(1)
            brace = self._buffer.rfind(b"}", 1, brace)
        return 0

    def _exact_cut(self) -> int:
        """Position after the last complete element in the window. The window grows until it contains a complete
        element.
        """
        size = self._filled
        while not (cut := self._walk()):
            if self._position + size >= self._size or size >= LARGEST_ELEMENT:
                self._damaged("an element is not terminated, or is too long")
            size *= 2
            self._load(size)
        return cut

    def _walk(self) -> int:
        text = self._buffer[1 : 1 + self._filled].decode("latin-1")  # one character per byte
        start = cut = 0
        while True:
            try:
                end = self._behind_value(text, start)
            except (json.JSONDecodeError, RecursionError):
                return cut
            if end == len(text):
                return cut
            if text[end] in ".eE":  # the window cuts a number
                return cut
            if text[end] not in ",]":
                self._damaged(f"unexpected {text[end]!r}")
            cut = 1 + end
            if text[end] == "]":
                return cut
            start = _space_end(text, end + 1)

    def _behind_value(self, text: str, start: int) -> int:
        try:
            return _space_end(text, self._exact.raw_decode(text, start)[1])
        except json.JSONDecodeError:
            raise
        except ValueError as error:
            where = f"{self._section}, in the record at byte {self._position + start}"
            raise SourceError(f"{self._path}: {error} in {where}, which JSON does not allow; correct it") from error

    def _key(self) -> str:
        key = self._value()
        if not isinstance(key, str) or self._peek() != ":":
            self._damaged("expected a key")
        self._position += 1
        return key

    def _value(self) -> Any:
        """Decode a key, or a value other than a list, and move past it."""
        size = SHORT_VALUE
        while True:
            self._load(size)
            text = self._buffer[1 : 1 + self._filled].decode("latin-1")
            try:
                value, end = self._exact.raw_decode(text)
            except (ValueError, RecursionError) as error:
                if self._position + size >= self._size:
                    self._damaged(str(error))
                size *= 2
            else:
                self._check_text(1 + end)
                self._position += end
                return value

    def _check_text(self, end: int) -> None:
        """Raise SourceError if the buffer up to `end` is not UTF-8. Decoders do not check the text that they skip."""
        content = bytes(self._buffer[1:end])
        if content.isascii():
            return
        try:
            content.decode()
        except UnicodeDecodeError as error:
            raise SourceError(f"{self._path}: {not_utf8(content, error.start, self._position)}") from None

    def _peek(self) -> str:
        """Move to the next character that is not white space and return it; "" at the end of the file."""
        while True:
            self._load(PEEK)
            text = self._buffer[1 : 1 + self._filled].decode("latin-1")
            skipped = _space_end(text, 0)
            self._position += skipped
            if skipped < len(text) or not text:
                return text[skipped : skipped + 1]

    def _load(self, size: int) -> None:
        """Fill the buffer with the bytes at the current position of the file. The first byte of the buffer stays free
        for the opening bracket that decoding needs.
        """
        if len(self._buffer) < 1 + size:
            self._buffer = bytearray(1 + size)
        self._file.seek(self._position)
        self._filled = 0
        while count := self._file.readinto(memoryview(self._buffer)[1 + self._filled : 1 + size]):
            self._filled += count

    def _damaged(self, why: str) -> NoReturn:
        where = f"{self._section or 'the file'}, near byte {self._position} of {self._size}"
        raise SourceError(f"{self._path}: truncated or not JSON in {where} ({why}); download it again")


def _space_end(text: str, start: int) -> int:
    found = _SPACE.match(text, start)
    return found.end() if found else start
