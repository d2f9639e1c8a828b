"""Reads text files as UTF-8, with or without a byte order mark, and shows text without terminal control codes."""

import re
from pathlib import Path

from cgc_data.common.errors import CgcError

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
# UTF-32 first, because its byte order mark starts with the byte order mark of UTF-16.
_MARKS = {b"\xff\xfe\x00\x00": "UTF-32", b"\x00\x00\xfe\xff": "UTF-32", b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}
# C0 (except tab and line feed), DEL, C1, direction overrides, other line breaks, and lone surrogates.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_FOREIGN = re.compile(rb"[\x80-\xff]+")


def plain(text: object) -> str:
    r"""The text, with control characters escaped as in JSON, because names and labels are untrusted.

    >>> plain("a\x1b[2Jb")
    'a\\u001b[2Jb'
    """
    return _CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", str(text))


def one_line(text: object) -> str:
    """The text as one line, without control characters."""
    return plain(" ".join(str(text).split()))


def counted(number: int, noun: str) -> str:
    """The number followed by the noun, with an "s" added for the plural.

    >>> counted(1, "object"), counted(1200, "object")
    ('1 object', '1,200 objects')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def read_text(path: Path, error: type[CgcError]) -> str:
    """The text in a file. Raises `error` if the text is not UTF-8 or the path is invalid, and OSError if the file
    cannot be read.
    """
    try:
        content = path.read_bytes()
    except ValueError as fault:  # a null byte, or characters that cannot be encoded
        raise error(f"{path}: not a valid path ({fault}); correct it") from None
    return decode(content, path, error)


def decode(content: bytes, origin: object, error: type[CgcError]) -> str:
    """Decode bytes as text, without a byte order mark. Raises `error`, which names `origin`, if the bytes are not
    UTF-8.
    """
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        raise error(f"{origin}: {not_utf8(content, fault.start)}") from None


def not_utf8(content: bytes, at: int, offset: int = 0) -> str:
    """The error message for the invalid byte at position `at` of `content`. The message includes a fix. `offset` is the
    position of `content` in its file.
    """
    likely = likely_encoding(content)
    return (
        f"not UTF-8 at byte {offset + at} (0x{content[at]:02x}), but probably {likely}; save the file as UTF-8, for "
        f"example with `iconv -f {likely} -t UTF-8 FILE > NEW`"
    )


def likely_encoding(content: bytes) -> str:
    """The likely encoding, for the error message. The guess uses byte order marks, zero bytes, and whether most runs of
    non-ASCII bytes have an even length.
    """
    for mark, name in _MARKS.items():
        if content.startswith(mark):
            return name
    if content[:64].count(0) > 8:
        return "UTF-16"
    runs = _FOREIGN.findall(content)
    paired = sum(len(run) % 2 == 0 for run in runs)
    return "GB18030" if runs and 2 * paired > len(runs) else "WINDOWS-1252"
