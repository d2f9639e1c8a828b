"""Extracts all English text of the project: docstrings, comments, messages, pages, templates, and help texts."""

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import count, takewhile
from pathlib import Path
from typing import Literal

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("cgc_data", "cgc_train", "cgc_bench", "cards", "docs", "examples", "scripts", "benchmarks", "tests")
SETTINGS = {".yaml", ".yml", ".toml", ".sh", "Makefile"}
PAGES = {".md", ".j2", ".cff", "NOTICE"}
MESSAGE_WORDS = 3  # shorter strings are names, keys, and formats
FENCE = re.compile(r"^( *)```\w*\n.*?^\1```$", re.MULTILINE | re.DOTALL)
MARKUP = re.compile(r"<(script|style)\b.*?</\1>|<!--.*?-->|\{[%#].*?[%#]\}|</?[a-z][^<>]*>", re.DOTALL)
VALUE = re.compile(r"\{\{.*?\}\}", re.DOTALL)
MARKER = re.compile(r"^\s*(?:[-*]|\d+\.|#+|>)\s+")
KEY = re.compile(r"^\s*(?:- +)?(?:[\w./-]+:(?: |$))?[>|]?-?\s*")
DIRECTIVE = re.compile(r"(?:noqa|fmt:|type:|ruff:|pragma|!)")
LETTERS = re.compile(r"[A-Za-z]{2}")
BETWEEN_SENTENCES = re.compile(r"(?<=[.!?])(?<!e\.g\.)(?<!i\.e\.)(?<!vs\.)\s+(?=[A-Z`\"\[*])")
BETWEEN_PARAGRAPHS = re.compile(r"\n\s*\n|\n(?=\s+\w+: )")
Kind = Literal["docstring", "comment", "message", "page"]


@dataclass(frozen=True)
class Passage:
    """A piece of text in a file, with its original line breaks.

    Attributes:
        path: path relative to the repository.
        line: line of the first character, counted from 1.
        kind: kind of the text.
        text: the text without quotes, markers, and fenced code; `{}` stands for an inserted value.
    """

    path: str
    line: int
    kind: Kind
    text: str

    def line_of(self, offset: int) -> int:
        """The line number in the file, counted from 1, of the character at `offset` in the text."""
        return self.line + self.text.count("\n", 0, offset)

    def sentences(self) -> list[str]:
        """Sentences of the text, without line breaks."""
        parts = (" ".join(part.split()) for part in BETWEEN_PARAGRAPHS.split(self.text))
        return [sentence for part in parts for sentence in BETWEEN_SENTENCES.split(part)]


def passages(root: Path = ROOT) -> Iterator[Passage]:
    """All text in files below the folder `root`.

    Strings in tests are skipped, because many of them are faulty on purpose.
    """
    for file in _files(root):
        path, text = file.relative_to(root).as_posix(), file.read_text(encoding="utf-8")
        read = of_python if file.suffix == ".py" else of_settings if _kind_of(file) in SETTINGS else of_page
        yield from (found for found in read(path, text) if found.kind != "message" or not path.startswith("tests/"))


def of_python(path: str, source: str) -> Iterator[Passage]:
    """Docstrings, comments, and strings of at least three words."""
    tree = ast.parse(source)
    strings, docstrings = list(_strings(tree)), set(_docstrings(tree))
    for node in strings:
        text = _content(node)
        if node in docstrings:
            yield Passage(path, node.lineno, "docstring", text)
        elif len(text.split()) >= MESSAGE_WORDS:
            yield Passage(path, node.lineno, "message", text)
    yield from _blocks(path, _comments(source, strings))


def of_page(path: str, text: str) -> Iterator[Passage]:
    """Paragraphs, list items, headings, and table cells of a page or template."""
    start, lines = 1, list[str]()
    for number, line in enumerate([*_without_code(text).splitlines(), ""], 1):
        in_table = line.startswith("|")
        if lines and (in_table or not line.strip() or MARKER.match(line)):
            yield Passage(path, start, "page", "\n".join(lines))
            lines = []
        if in_table:
            yield from (Passage(path, number, "page", cell) for cell in line.split("|") if LETTERS.search(cell))
        elif LETTERS.search(line):
            start = start if lines else number
            lines.append(MARKER.sub("", line))


def of_settings(path: str, text: str) -> Iterator[Passage]:
    """Comments, and values of at least three words, in a settings file, a Makefile, or a shell script."""
    lines = dict(enumerate(_without_code(text).splitlines(), 1))
    comments = {number: found[1] for number, line in lines.items() if (found := re.match(r"(?:.*\s)?#+ (.*)", line))}
    yield from _blocks(path, comments)
    for number, line in lines.items():
        value = KEY.sub("", line).strip(" \"'")
        if number not in comments and len(value.split()) >= MESSAGE_WORDS:
            yield Passage(path, number, "page", value)


def _files(root: Path) -> list[Path]:
    patterns = ["*", ".github/**/*", *(f"{folder}/**/*" for folder in FOLDERS)]
    found = {file for pattern in patterns for file in root.glob(pattern)}
    return sorted(file for file in found if _kind_of(file) in {".py", *SETTINGS, *PAGES} and not file.is_symlink())


def _kind_of(file: Path) -> str:
    """The suffix of a file, or its name if it has no suffix. For a `.yaml.j2` template, the suffix is `.yaml`."""
    return file.with_suffix("").suffix if file.name.endswith(".yaml.j2") else file.suffix or file.name


def _without_code(text: str) -> str:
    """The text without fenced code and markup, and with `{}` for inserted values. Line numbers do not change."""
    for pattern in (FENCE, MARKUP):
        text = pattern.sub(lambda found: "\n" * found[0].count("\n"), text)
    return VALUE.sub("{}", text)


def _strings(node: ast.AST) -> Iterator[ast.Constant | ast.JoinedStr]:
    """Strings that are not part of another string. Adjacent literals count as one string."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.JoinedStr) or (isinstance(child, ast.Constant) and isinstance(child.value, str)):
            yield child
        else:
            yield from _strings(child)


def _docstrings(tree: ast.AST) -> Iterator[ast.expr]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr):
                yield first.value


def _content(node: ast.expr) -> str:
    if isinstance(node, ast.JoinedStr):
        return "".join(_content(part) for part in node.values)
    return str(node.value) if isinstance(node, ast.Constant) else "{}"


def _comments(source: str, strings: Iterable[ast.expr]) -> dict[int, str]:
    """Comments by line. Columns are counted in bytes, as in `ast`. A `#` inside a string does not start a comment."""
    spans = [(s.lineno, s.col_offset, s.end_lineno or 0, s.end_col_offset or 0) for s in strings]
    starts: dict[int, int] = {}
    lines = source.encode().split(b"\n")
    for number, line in enumerate(lines, 1):
        for found in re.finditer(b"#", line):
            here = (number, found.start())
            if not any(span[:2] <= here < span[2:] for span in spans):
                starts[number] = found.end()
                break
    texts = {number: lines[number - 1][start:].decode().strip() for number, start in starts.items()}
    return {number: text for number, text in texts.items() if not DIRECTIVE.match(text)}


def _blocks(path: str, comments: dict[int, str]) -> Iterator[Passage]:
    """Yield a passage for each group of comments on consecutive lines."""
    for number in comments:
        if number - 1 not in comments:
            block = takewhile(lambda line: line in comments, count(number))
            yield Passage(path, number, "comment", "\n".join(comments[line] for line in block))
