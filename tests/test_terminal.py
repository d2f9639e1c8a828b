"""No control character of a file reaches a terminal: in results, tables, progress, and errors."""

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.table import Table

from cgc_bench.cli import main as bench
from cgc_data.cli import main as data
from cgc_data.common.progress import say, show
from cgc_data.common.tables import PlainConsole
from cgc_data.common.text import one_line, plain
from cgc_train.cli import main as train
from tests.hostile import with_texts
from tests.tiny_release import row, write_manifest, write_tiny_release

EVIL = "a\x1b[2J\x1b]0;owned\x07\rb\x9b31m\u202e[/x][bold]:skull:"
SHOWN = "a\\u001b[2J\\u001b]0;owned\\u0007\\u000db\\u009b31m\\u202e[/x][bold]:skull:"
FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def test_plain_text_is_as_it_was() -> None:
    text = "naïve 奶牛\twith\nlines, and a 🐄"
    assert plain(text) == text
    assert one_line(f" {text}\n") == "naïve 奶牛 with lines, and a 🐄"


def test_json_stays_the_same_json() -> None:
    text = json.dumps({EVIL: "x\ny"}, ensure_ascii=False)
    assert json.loads(plain(text)) == {EVIL: "x\ny"}


@pytest.mark.parametrize("write", [say, show, lambda text: PlainConsole(width=200).print(text)])
def test_every_way_of_printing_escapes(write: Callable[[str], None], capsys: pytest.CaptureFixture[str]) -> None:
    write(EVIL)
    printed = capsys.readouterr()
    assert printed.out + printed.err == (SHOWN.replace("\\u000d", " ") if write is say else SHOWN) + "\n"


def test_a_table_escapes_titles_heads_and_cells(capsys: pytest.CaptureFixture[str]) -> None:
    table = Table(EVIL, title=EVIL)
    table.add_row(EVIL)
    PlainConsole(width=200).print(table)
    printed = capsys.readouterr().out
    assert printed.count(SHOWN) == 3
    assert not FORBIDDEN.search(printed)


def said(main: Callable[[], object], capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """All that a command line prints."""
    capsys.readouterr()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["command", *map(str, arguments)])
        with pytest.raises(SystemExit):
            main()
    printed = capsys.readouterr()
    return printed.out + printed.err


COMMANDS: dict[str, tuple[Callable[[], object], tuple[str, ...]]] = {
    "unknown command": (data, (EVIL,)),
    "unknown setting": (data, ("build", f"{EVIL}=1", "--out", "out")),
    "missing release": (data, ("stats", EVIL)),
    "missing recipe": (train, ("check", EVIL)),
    "unknown task": (bench, ("floors", EVIL, "--annotations", "x")),
    "missing annotations": (bench, ("floors", "mig", "--annotations", f"x{EVIL}")),
}


@pytest.mark.parametrize("case", COMMANDS)
def test_errors_escape_what_they_quote(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], case: str
) -> None:
    monkeypatch.chdir(tmp_path)
    main, arguments = COMMANDS[case]
    printed = said(main, capsys, *arguments)
    assert "\\u001b" in printed or "\\x1b" in printed
    assert not FORBIDDEN.search(printed)


def test_statistics_of_a_hostile_release(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    release = with_texts(tmp_path, texts=[EVIL], task=False, name=EVIL)
    for arguments in (["stats", release], ["stats", release, "--json"], ["validate", release]):
        assert not FORBIDDEN.search(said(data, capsys, *arguments))
    assert "a\\u001b[2J\\u001b]0;owned" in said(data, capsys, "stats", release)


def test_a_label_with_markup_is_a_label(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    release = write_tiny_release(tmp_path / "release", rows=2)
    path = next(release.glob("inter/*.parquet"))
    rows = [row("inter", path.name.partition("-")[0], number) for number in range(2)]
    rows = [{**one, "query": {**one["query"], "labels": ["[/dog]"]}} for one in rows]
    schema = pq.read_schema(path)
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), path)
    write_manifest(release)
    assert "[/dog]" in said(data, capsys, "stats", release)
