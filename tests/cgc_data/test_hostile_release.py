"""A release from elsewhere cannot read or write anything outside its folder and the one given."""

import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cgc_data import cli
from cgc_data.common.errors import ReleaseError
from cgc_data.export import FORMATS
from cgc_data.licenses import license_class, web_link
from cgc_data.look import release_stats, render_card
from cgc_data.look.card import license_name
from cgc_data.release.inside import file_name, inside
from cgc_data.release.read import open_release
from cgc_data.release.schema import arrow_schema
from tests.hostile import EDITS, HOSTILE_TEXTS, LINKS, SHARD, edited, linked, snapshot, source, with_texts, world
from tests.tiny_release import write_manifest

COMMANDS = {
    "remove": "remove {release} --image-id 1 --out {out}/removed",
    "validate": "validate {release}",
    "preview": "preview {release} --to {out}/preview",
    "stats": "stats {release}",
    "push": "push {release} org/name --tag v1.0.0",
    **{f"export {form}": f"export {{release}} --format {form} --to {{out}}/{form}" for form in FORMATS},
}
Run = Callable[[str, Path, Path], tuple[int, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run one of `COMMANDS`: its exit status and what it printed to stderr. No Hub is in reach."""
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")

    def run(command: str, release: Path, out: Path) -> tuple[int, str]:
        words = [word.format(release=release, out=out) for word in COMMANDS[command].split()]
        monkeypatch.setattr(sys, "argv", ["cgc-data", *words])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return int(ended.value.code or 0), capsys.readouterr().err

    return run


def refused_by_all(run: Run, release: Path, out: Path) -> None:
    before = snapshot(release.parent)
    for command in COMMANDS:
        status, error = run(command, release, out)
        assert status == 2, (command, error)
        assert error.count("\n") == 1, (command, error)
        assert error.startswith(f"cgc-data: {release}"), (command, error)
    assert snapshot(release.parent) == before
    assert not snapshot(out)


@pytest.mark.parametrize("edit", EDITS)
def test_a_manifest_that_leads_elsewhere_is_refused(run: Run, tmp_path: Path, edit: str) -> None:
    refused_by_all(run, edited(world(tmp_path / "world"), edit), tmp_path / "out")


@pytest.mark.parametrize("link", LINKS)
def test_a_link_that_leads_elsewhere_is_refused(run: Run, tmp_path: Path, link: str) -> None:
    refused_by_all(run, linked(world(tmp_path / "world"), link), tmp_path / "out")


@pytest.mark.parametrize("mode", ["embed", "reference"])
def test_text_of_rows_becomes_no_path(run: Run, tmp_path: Path, mode: str) -> None:
    release, out = with_texts(tmp_path / "world", image_mode=mode, task=False), tmp_path / "out"
    (tmp_path / "victim").write_text("mine")
    before = snapshot(tmp_path)
    for command in COMMANDS:
        status, error = run(command, release, out)
        works = command == "stats" or (mode == "embed" and command.startswith(("preview", "export")))
        assert status == 0 if works else status in (0, 2), (command, error)
    assert {path: content for path, content in snapshot(tmp_path).items() if not path.startswith(f"{out}/")} == before
    if mode == "embed":
        sheets = {path.name.rpartition("-")[0] for path in (out / "preview" / "sheets").iterdir()}
        assert sheets == {"inter-locate", "intra-locate_all"}


def test_a_row_of_an_unknown_task_is_refused(run: Run, tmp_path: Path) -> None:
    release, out = with_texts(tmp_path / "world", image_mode="embed"), tmp_path / "out"
    before = snapshot(tmp_path)
    for command in COMMANDS:
        status, error = run(command, release, out)
        assert status in (0, 2), (command, error)
        if command.startswith("preview"):
            assert "there is no task" in error
    assert {path: content for path, content in snapshot(tmp_path).items() if not path.startswith(f"{out}/")} == before


MARKUP = ["[/x]", "[link=http://a]b", "<script>alert(1)</script>", "](javascript:alert(1))", "{{ 7*7 }}", "\x1b[2Jb"]


def test_text_of_rows_is_shown_as_text(run: Run, tmp_path: Path) -> None:
    release, out = with_texts(tmp_path / "world", texts=MARKUP, task=False, image_mode="embed"), tmp_path / "out"
    for command in ("stats", "preview", "export swift", "remove"):
        status, error = run(command, release, out)
        assert status in ((0, 2) if command == "remove" else (0,)), (command, error)
    page = (out / "preview" / "index.html").read_text()
    assert "<script>alert" not in page
    assert "{{ 7*7 }}" in page


# Address, whether it may be linked, whether it names a license.
ADDRESSES = [
    ("javascript:alert(1)//creativecommons.org/licenses/by/2.0/", False, False),
    ("data:text/html,<script>", False, False),
    ("https://evil.example/creativecommons.org/licenses/by/2.0/", True, False),
    ("http://creativecommons.org.evil.example/licenses/by/2.0/", True, False),
    ("http://creativecommons.org@evil.example/licenses/by/2.0/", True, False),
    ('http://a.example/"><script>', False, False),
    ("http://a.example/\nb", False, False),
    ("http://[", False, False),
    ("HTTP://www.CreativeCommons.org/licenses/by/2.0/", True, True),
]


@pytest.mark.parametrize(("url", "linked", "known"), ADDRESSES)
def test_an_address_is_linked_and_named_by_its_parts(url: str, linked: bool, known: bool) -> None:
    assert web_link(url) == (url if linked else "")
    assert license_name(url) == ("CC BY 2.0" if known else url)
    assert (license_class(url) == "permissive") is known


def test_a_link_does_not_end_before_its_end() -> None:
    assert web_link("http://a.example/)](javascript:b") == "http://a.example/%29]%28javascript:b"


def test_pages_and_cards_link_web_addresses_alone(run: Run, tmp_path: Path) -> None:
    bad, good = "javascript:alert(1)", "http://creativecommons.org/licenses/by/2.0/"
    release = world(tmp_path / "world")
    for path in sorted(release.glob("int*/*.parquet")):
        rows = pq.read_table(path).to_pylist()
        for row in rows:
            for number, view in enumerate(row["views"]):
                view.update(license_url=(bad, good)[number % 2], flickr_url=bad)
        pq.write_table(pa.Table.from_pylist(rows, schema=arrow_schema()), path)
    write_manifest(release, sources=[source(tmp_path / "world")])
    assert run("preview", release, tmp_path / "out")[0] == 0
    page = (tmp_path / "out" / "preview" / "index.html").read_text()
    assert f'href="{good}"' in page
    assert 'href="javascript' not in page
    stats = release_stats(open_release(release).batches())
    card = render_card(open_release(release).manifest, stats)
    assert f"]({good})" in card
    assert "](javascript" not in card


def test_nothing_is_refused_for_no_reason(run: Run, tmp_path: Path) -> None:
    release = world(tmp_path / "world")
    (release / SHARD).rename(release / "inter" / "moved")
    (release / SHARD).symlink_to("moved")
    for command in ("stats", "preview", "export swift"):
        assert run(command, release, tmp_path / "out")[0] == 0, command


def test_a_snapshot_of_the_hub_has_links_to_its_own_store_only(tmp_path: Path) -> None:
    """`snapshot_download` keeps content next to the snapshots and links to it."""
    snapshots = tmp_path / "datasets--org--name" / "snapshots"
    release = world(snapshots / "commit")
    release = release.rename(snapshots / "0123abcd")
    (blobs := tmp_path / "datasets--org--name" / "blobs").mkdir()
    for name in (SHARD, "manifest.json"):
        (release / name).rename(blobs / Path(name).name)
        (release / name).symlink_to(blobs / Path(name).name)
    assert len(list(open_release(release).rows())) == 12
    blobs.rename(tmp_path / "blobs")
    blobs.symlink_to(tmp_path / "blobs")
    with pytest.raises(ReleaseError, match="does not stay inside"):
        open_release(release)


@pytest.mark.parametrize(
    ("link", "target"), [("index.html", "victim.txt"), ("sheets", "elsewhere"), ("images", "elsewhere")]
)
def test_a_preview_is_not_written_through_links(run: Run, tmp_path: Path, link: str, target: str) -> None:
    release = world(tmp_path / "world")
    (folder := tmp_path / "out" / "preview").mkdir(parents=True)
    (folder / "index.html").write_text("")
    (folder / link).unlink(missing_ok=True)
    (folder / link).symlink_to(release.parent / target)
    before = snapshot(tmp_path)
    status, error = run("preview", release, tmp_path / "out")
    assert (status, "a link that leads outside" in error) == (2, True)
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize(
    "name", ["a", "a/b.parquet", "inter/train-0.parquet", "ä/日本.png", "a b", "...", "~", "a.b/..c"]
)
def test_a_path_inside(tmp_path: Path, name: str) -> None:
    assert inside(tmp_path, name) == tmp_path / name


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "a/..", "../a", "a/../b", "/a", "//a", "a/", "a//b", "a\\b", "C:a", "c:/a", "a\0", "a\n", "\x1b",
     "\ud800", "\u202e", "a" * 256, "ä" * 128, "a/" * 600 + "a", None, 1, b"a", Path("a"), ["a"]],
)  # fmt: skip
def test_a_path_that_is_refused(tmp_path: Path, name: object) -> None:
    with pytest.raises(ReleaseError, match=r"does not stay inside that folder; .*download it again") as error:
        inside(tmp_path, name)
    assert str(error.value).isprintable()


def test_links_are_followed_to_their_end(tmp_path: Path) -> None:
    (folder := tmp_path / "folder").mkdir()
    (tmp_path / "out.txt").write_text("")
    for name, target in {"a": "b", "b": "../out.txt", "c": "d", "d": "e", "loop": "loop", "up": "."}.items():
        (folder / name).symlink_to(target)
    assert [name for name in ("a", "b", "c", "d", "up", "up/e") if _refused(folder, name)] == ["a", "b"]


def _refused(folder: Path, name: str) -> bool:
    try:
        inside(folder, name)
    except ReleaseError:
        return True
    return False


@pytest.mark.parametrize("text", ["inter-locate", "v1.0.0", "cgc@abc123", "日本", "Ä_1"])
def test_plain_text_is_its_own_file_name(text: str) -> None:
    assert file_name(text) == text


def test_other_text_gives_names_that_are_plain_and_differ(tmp_path: Path) -> None:
    texts = [*HOSTILE_TEXTS.values(), ".", ".hidden", "a/b", "a-b", "a b", "\ud800", "é" * 200]
    names = [file_name(text) for text in texts]
    assert len(set(names)) == len(texts)
    for name in names:
        assert inside(tmp_path, name).parent == tmp_path
