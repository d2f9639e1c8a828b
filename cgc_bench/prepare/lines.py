"""Items of a prepared benchmark as JSON Lines, for benchmarks whose authors publish no annotation file."""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Generic

import msgspec

from cgc_bench.errors import AnnotationError
from cgc_bench.prepare.layout import ItemT

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def written(items: Iterable["DataclassInstance"]) -> bytes:
    """Items as JSON Lines."""
    return b"".join(json.dumps(asdict(item), ensure_ascii=False).encode() + b"\n" for item in items)


@dataclass(frozen=True)
class Lines(Generic[ItemT]):
    """A file of items, one per line.

    Attributes:
        file: name of the file.
        noun: the words for an item in error messages, singular and plural, such as ("a question", "questions").
        prepare: the command that writes the file.
        decode: function that decodes a line. It may raise ValueError or msgspec.MsgspecError.
    """

    file: str
    noun: tuple[str, str]
    prepare: str
    decode: Callable[[bytes], ItemT]

    def read(self, annotations: Path, version: str | None = None) -> dict[str, ItemT]:
        """Items, keyed by index, from one prepared file or from all prepared files in a folder.

        Raises AnnotationError if a file is missing or damaged, or if it does not have the expected format or version.
        """
        files = [annotations] if not annotations.is_dir() else sorted(annotations.rglob(self.file))
        if not files:
            raise AnnotationError(f"{annotations} contains no {self.file}; run {self.prepare}")
        found = [item for file in files for item in self._read(file)]
        if version is not None and any(item.version != version for item in found):
            raise AnnotationError(f"{annotations}: not the {self.noun[1]} of version {version!r}")
        return {item.index: item for item in found}

    def _read(self, file: Path) -> Iterator[ItemT]:
        try:
            lines = file.read_bytes().splitlines()
        except OSError as error:
            raise AnnotationError(f"cannot read {file}: {error.strerror}") from error
        for number, line in enumerate(lines, 1):
            try:
                yield self.decode(line)
            except (ValueError, msgspec.MsgspecError, RecursionError) as error:
                raise AnnotationError(
                    f"{file}, line {number}: not {self.noun[0]} ({error}); prepare it again"
                ) from error
