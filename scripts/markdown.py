"""Helpers for the Markdown pages that scripts write."""

from collections.abc import Sequence
from pathlib import Path


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table with a header. Each row must have as many cells as the header."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def two_digits(value: float | None) -> str:
    """A number with two decimals, or a dash if it is None."""
    return "-" if value is None else f"{value:.2f}"


def write_between(page: Path, begin: str, end: str, content: str) -> None:
    """Replace the content between two marks of a page."""
    before, _, rest = page.read_text(encoding="utf-8").partition(begin)
    page.write_text(f"{before}{begin}{content}{end}{rest.partition(end)[2]}", encoding="utf-8")
