"""The documentation as a site: every page is in it, links lead somewhere, and nothing is fetched from elsewhere."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from scripts import formats_page
from scripts.public_names import public_names, undocumented
from tests.pages import PAGES, ROOT, anchors, links

page = pytest.mark.parametrize("page", PAGES, ids=lambda path: path.relative_to(ROOT / "docs").as_posix())


def navigation(entries: Any) -> list[str]:
    """The pages of `nav`, in order."""
    if isinstance(entries, str):
        return [entries]
    inside = entries.values() if isinstance(entries, dict) else entries
    return [name for entry in inside for name in navigation(entry)]


def test_every_page_is_in_the_navigation_once() -> None:
    listed = navigation(yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"])
    assert sorted(listed) == [path.relative_to(ROOT / "docs").as_posix() for path in PAGES]


@page
def test_links_lead_to_files_and_headings(page: Path) -> None:
    for link in links(page):
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.is_file(), link
        assert not anchor or anchors(target).get(anchor) == anchor, f"{link}: no heading of this anchor on both sides"


@page
def test_links_stay_on_the_site(page: Path) -> None:
    """A site has no files from outside `docs`."""
    for link in links(page):
        target = (page.parent / link.partition("#")[0]).resolve()
        assert target.is_relative_to(ROOT / "docs"), link


@pytest.mark.parametrize(
    ("head", "site", "github"),
    [
        ("Two machines", "two-machines", "two-machines"),
        ("When [] pays best", "when-pays-best", "when--pays-best"),
        ("A piece: region", "a-piece-region", "a-piece-region"),
    ],
)
def test_anchors_of_site_and_github(head: str, site: str, github: str, tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text(f"## {head}\n", encoding="utf-8")
    assert anchors(tmp_path / "page.md") == {site: github}


def test_rows_of_formats_are_those_of_the_exporter() -> None:
    text = formats_page.PAGE.read_text(encoding="utf-8")
    for name, block in formats_page.blocks().items():
        assert text.partition(formats_page.begin(name))[2].partition(formats_page.END)[0] == block


def test_every_public_name_has_a_docstring() -> None:
    assert [name.path for name in undocumented(public_names())] == []


def test_a_name_without_a_docstring_is_found(tmp_path: Path) -> None:
    kept = 'class Kept:\n    """Documented."""\n    def method(self) -> None: ...\n'
    code = f'"""Documented."""\ndef named() -> None: ...\n{kept}'
    (tmp_path / "package.py").write_text(code, encoding="utf-8")
    found = undocumented(public_names([tmp_path / "package.py"]))
    assert [name.path for name in found] == ["package.named", "package.Kept.method"]


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.skipif(not importlib.util.find_spec("mkdocs"), reason="mkdocs is not installed")
def test_the_site_builds_and_fetches_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    written = list((tmp_path / "site").rglob("*.html"))
    assert len(written) > len(PAGES)  # and the page for what is not found
    for file in written:
        html = file.read_text(encoding="utf-8")
        fetched = re.findall(
            r'(?:<script[^>]*\ssrc|<link[^>]*rel="(?:stylesheet|preconnect)"[^>]*\shref)="([^"]+)"', html
        )
        assert [address for address in fetched if address.startswith(("http", "//"))] == [], file.name
    documented = (tmp_path / "site" / "api.html").read_text(encoding="utf-8")
    for name in ("cgc_data.open_release", "cgc_data.answer.parse_strict", "cgc_train.predict.Predictor.ask"):
        assert f'id="{name}"' in documented
