"""The pages of the documentation as tests read them: fences, links, and the anchors of headings."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGES = sorted((ROOT / "docs").rglob("*.md"))
FENCE = re.compile(r"^(?:<!-- not run: (?P<why>[^\n]+) -->\n)?```(?P<kind>\w+)\n(?P<code>.*?)^```$", re.M | re.S)
LINK = re.compile(r"\]\((?!https?://)([^)\s]+)\)")


@dataclass(frozen=True)
class Fence:
    """A code block of a page; `why` is the reason that no test runs it, or empty if one does."""

    kind: str
    code: str
    why: str


def fences(page: Path) -> Iterator[Fence]:
    """The blocks of a page in order."""
    for found in FENCE.finditer(page.read_text(encoding="utf-8")):
        yield Fence(found["kind"], found["code"], found["why"] or "")


def links(page: Path) -> list[str]:
    """Links and pictures that lead into the repository, such as `reward.md#the-metrics`."""
    return LINK.findall(FENCE.sub("", page.read_text(encoding="utf-8")))


def anchors(page: Path) -> dict[str, str]:
    """Anchors of the headings on the site, and what GitHub makes of the same headings."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    heads = [re.sub(r"`|\*|\[([^\]]*)\]\([^)]*\)", r"\1", head) for head in re.findall(r"^#+ (.+)$", text, re.M)]
    return {on_site(head): on_github(head) for head in heads}


def on_site(head: str) -> str:
    """As Python-Markdown makes it."""
    return re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", head).strip().lower())


def on_github(head: str) -> str:
    """As GitHub makes it: it keeps a dash for each space."""
    return re.sub(r"[^\w\s-]", "", head).strip().lower().replace(" ", "-")
