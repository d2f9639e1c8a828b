"""The table of models and tasks: blocks by protocol, what is bold, and its forms for programs and papers."""

import csv
import io
import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cgc_bench.contrast import BENCHMARK as CONTRAST
from cgc_bench.contrast.prepare import prepare_release
from cgc_bench.mig.items import TASKS, Item
from cgc_bench.report.exports import as_csv, as_latex, latex_text, letter
from cgc_bench.report.groups import group_tables
from cgc_bench.report.leaderboard import Leaderboard, Line, leaderboards
from cgc_bench.report.runs import Run, read_runs, told_apart
from cgc_bench.scoring.benchmark import benchmark
from cgc_bench.transfer.prepare import prepare_transfer
from tests.cgc_bench import mig_rows
from tests.cgc_bench.saved_runs import invoke, perfect, save
from tests.cgc_bench.transfer_rows import repository
from tests.cgc_train.made_rows import some_rows, write_release

MEAN = "mean of tasks"


@pytest.fixture
def items(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setenv("CGC_CACHE", str(tmp_path / "cache"))
    release = write_release(tmp_path / "R", [*some_rows("test"), *some_rows("test", photo=200)])
    prepare_release(str(release))
    return CONTRAST.read_items(release)


def board_of(*folders: Path) -> Leaderboard:
    runs = told_apart(read_runs(folders))
    (board,) = leaderboards([(run, run.summary()) for run in runs])
    return board


def lines(board: Leaderboard) -> Iterator[Line]:
    return (line for block in board.blocks for line in block.lines)


def test_the_best_is_marked_among_runs_that_were_asked_alike(items: dict[str, Any], tmp_path: Path) -> None:
    limit = {"cgc_max_pixels": 1500}
    good = save(tmp_path / "good", "contrast", items, perfect, **limit)
    bad = save(tmp_path / "bad", "contrast", items, lambda item: "[]", **limit)
    other = save(tmp_path / "other", "contrast", items, perfect, cgc_max_pixels=3000)
    board = board_of(good, bad, other)
    assert [[line.model for line in block.lines] for block in board.blocks] == [["good", "bad"], ["other"]]
    first, second, alone = lines(board)
    assert set(board.columns) == first.best
    assert MEAN not in second.best
    assert alone.best == frozenset()
    assert "pixel limit 1,500" in board.blocks[0].protocol
    assert {line.tag for line in lines(board)} == {"ours"}


@pytest.mark.parametrize(("recorded", "doubtful"), [({}, True), ({"cgc_prompt_sha256": "0" * 64}, False)])
def test_a_block_of_runs_without_recorded_prompts_warns_that_they_may_differ(
    items: dict[str, Any], tmp_path: Path, recorded: dict[str, str], *, doubtful: bool
) -> None:
    one, two = (save(tmp_path / name, "contrast", items, perfect, **recorded) for name in "ab")
    (both,), (alone,) = board_of(one, two).blocks, board_of(one).blocks
    assert ("may not be comparable" in both.protocol) == doubtful
    assert "may not be comparable" not in alone.protocol


def test_equal_models_are_both_the_best(items: dict[str, Any], tmp_path: Path) -> None:
    board = board_of(*(save(tmp_path / name, "contrast", items, perfect) for name in "ab"))
    assert [MEAN in line.best for line in lines(board)] == [True, True]


@pytest.mark.parametrize("changed", [{"cgc_profile": "other"}, {"cgc_prompt_sha256": "1" * 64}])
def test_runs_with_other_settings_do_not_share_a_block(
    items: dict[str, Any], tmp_path: Path, changed: dict[str, str]
) -> None:
    stated = {"cgc_profile": "official", "cgc_prompt_sha256": "0" * 64}
    folders = [
        save(tmp_path / "a", "contrast", items, perfect, **stated),
        save(tmp_path / "b", "contrast", items, perfect, **stated | changed),
    ]
    blocks = board_of(*folders).blocks
    assert len({block.protocol for block in blocks}) == len(blocks) == 2


def test_blocks_name_the_setting_in_which_they_differ(items: dict[str, Any], tmp_path: Path) -> None:
    for name, interface in (("a", "chat"), ("b", "simple")):
        run = save(tmp_path / name, "contrast", items, perfect)
        configuration = {"generation_kwargs": {"max_new_tokens": 7}, "metadata": {"cgc_interface": interface}}
        configurations = {f"cgc_contrast_{task}": configuration for task in ("inter", "intra")}
        (run / name / "20261124_120000_results.json").write_text(json.dumps({"configs": configurations}))
    first, second = (block.protocol for block in board_of(tmp_path / "a", tmp_path / "b").blocks)
    assert first.endswith("; interface chat")
    assert second.endswith("; interface simple")
    assert "generation" not in first, "what is the same in both is left out"


def test_half_of_the_items_is_another_protocol(items: dict[str, Any], tmp_path: Path) -> None:
    half = dict(list(items.items())[::2])
    board = board_of(save(tmp_path / "a", "contrast", items, perfect), save(tmp_path / "b", "contrast", half, perfect))
    assert len(board.blocks) == 2
    assert f"{len(half)} of {len(items)} items" in board.blocks[1].protocol


def test_runs_of_one_model_are_told_apart_by_folder_and_date(items: dict[str, Any], tmp_path: Path) -> None:
    first = save(tmp_path / "before", "contrast", items, perfect, model="m")
    save(tmp_path / "after" / "sub", "contrast", items, perfect, model="m", time="20261125_093000")
    names = [run.name for run in told_apart(read_runs([first, tmp_path / "after"]))]
    assert names == ["m (before, 2026-11-24 12:00)", "m (after/sub, 2026-11-25 09:30)"]
    assert [run.name for run in told_apart(read_runs([first]))] == ["m"]
    both = told_apart(read_runs([tmp_path]))
    assert {run.folder for run in both} == {f"{tmp_path.name}/before", f"{tmp_path.name}/after/sub"}


@pytest.fixture
def mig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A run on what calls itself the revised annotations."""
    monkeypatch.setenv("CGC_CACHE", str(tmp_path / "cache"))
    bench = benchmark("mig")
    rows = [mig_rows.row(task) for task in TASKS if task != "group_grounding"] + [mig_rows.group_row()]
    rows.append(mig_rows.row("diff", images=["x.jpg", "y.jpg"]))
    file = mig_rows.write(tmp_path, rows)
    items: dict[str, Item] = bench.read_items(file)
    versioned = {index: replace(item, version="revised") for index, item in items.items()}
    results = [bench.score(item, "(100,200),(500,600)") for item in versioned.values()]
    return Run("ours-7b", "out", "2026-11-24", "cgc_mig", bench, versioned, results, "official", "a copy", {}, {})


def test_published_figures_stand_in_blocks_of_their_own_with_their_tags(mig: Run) -> None:
    (board,) = leaderboards([(mig, mig.summary())])
    ours, *others = board.blocks
    assert [line.tag for line in ours.lines] == ["ours"]
    assert ours.lines[0].best == frozenset(), "it leads no one who was asked alike"
    tags = {line.tag for block in others for line in block.lines}
    assert tags == {"stated", "derived", "second-hand"}
    assert all(len({line.tag for line in block.lines}) == 1 for block in others)
    table = next(block for block in others if block.protocol.startswith("UniVG-R1"))
    best = {line.model: line.best for line in table.lines if line.best}
    assert MEAN in best["UniVG-R1"]
    assert "github.com/AMAP-ML/UniVG-R1" in table.protocol
    both = [line.values[MEAN] for line in lines(board) if line.model == "Qwen3-VL-8B" and MEAN in line.values]
    assert both == [32.90, 43.66], "two sources disagree, and both are shown"


def test_columns_are_the_tasks_then_the_means(mig: Run) -> None:
    (board,) = leaderboards([(mig, mig.summary())])
    assert board.columns == (*TASKS, MEAN)


def test_the_csv_has_every_line_and_column(mig: Run) -> None:
    (board,) = leaderboards([(mig, mig.summary())])
    rows = list(csv.DictReader(io.StringIO(as_csv(board))))
    assert len(rows) == len(list(lines(board)))
    ours = rows[0]
    assert (ours["tag"], ours["model"], float(ours["diff"]), float(ours[MEAN])) == ("ours", "ours-7b", 100, 100)
    assert float(ours[f"{MEAN}, low"]) < 100
    migician = next(row for row in rows if row["model"] == "Migician" and row["diff"])
    assert (migician["tag"], float(migician["diff"])) == ("stated", 70.64)


ODD = r"a_b & 50% of $x^2 #1 {~} \end{tabular} <t> [x] *y* | é 模型" + "\nnext"


def test_latex_has_a_row_a_model_with_as_many_cells_as_heads(mig: Run) -> None:
    (board,) = leaderboards([(mig, mig.summary())])
    text = as_latex(board)
    rows = [line for line in text.splitlines() if line.endswith(r"\\") and "multicolumn" not in line]
    assert len(rows) == 1 + len(list(lines(board)))
    assert {row.count(" & ") for row in rows} == {len(board.columns) + 2}
    assert r"\textbf{93.13}" in text
    assert [text.count(rule) for rule in (r"\toprule", r"\bottomrule", r"\midrule")] == [1, 1, len(board.blocks)]
    assert text.count(r"\par\noindent(") == len(board.blocks)


def test_our_table_has_no_published_figures_and_no_tags(mig: Run) -> None:
    (board,) = leaderboards([(mig, mig.summary())])
    ours = board.ours()
    assert [line.model for line in lines(ours)] == ["ours-7b"]
    assert ours.columns == (*TASKS, MEAN)
    text = as_latex(ours)
    assert "UniVG-R1" not in text
    assert " & ours & " not in text
    (row,) = [line for line in text.splitlines() if line.startswith("ours-7b")]
    assert row.count(" & ") == len(ours.columns) + 1


@pytest.mark.parametrize(("place", "name"), [(0, "a"), (25, "z"), (26, "aa"), (27, "ab")])
def test_blocks_have_letters(place: int, name: str) -> None:
    assert letter(place) == name


def test_latex_text_is_never_a_command() -> None:
    text = latex_text(ODD)
    assert text.isascii()
    assert "\n" not in text
    assert r"\end{tabular}" not in text
    assert text.startswith(r"a\_b \& 50\% of \$x\textasciicircum{}2 \#1 ")


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs pdflatex with booktabs")
def test_latex_compiles(mig: Run, tmp_path: Path) -> None:
    odd = Run(ODD, *(getattr(mig, name) for name in list(Run.__dataclass_fields__)[1:]))
    (board,) = leaderboards([(mig, mig.summary()), (odd, odd.summary())])
    (tmp_path / "table.tex").write_text(as_latex(board), encoding="utf-8")
    document = "\\documentclass{article}\\usepackage{booktabs,graphicx}\\begin{document}\\input{table}\\end{document}\n"
    (tmp_path / "paper.tex").write_text(document, encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "paper.tex"]
    done = subprocess.run(
        command, check=False, cwd=tmp_path, capture_output=True, text=True, errors="replace", timeout=120
    )
    assert done.returncode == 0, done.stdout[-2000:]
    assert (tmp_path / "paper.pdf").stat().st_size > 1000
    assert "Overfull" not in done.stdout, "no wider than the text"


def test_a_report_has_the_tables_in_four_forms(items: dict[str, Any], tmp_path: Path) -> None:
    run = save(tmp_path / "m", "contrast", items, perfect)
    invoke("report", run, "--to", tmp_path / "report")
    assert {path.name for path in (tmp_path / "report/tables").iterdir()} == {
        "contrast.csv",
        "contrast.tex",
        "contrast_ours.tex",
    }
    page = (tmp_path / "report/index.html").read_text()
    assert 'href="tables/contrast.csv"' in page
    assert "## Held-out contrasts, acc@0.5" in (tmp_path / "report/report.md").read_text()


def test_every_cell_carries_the_head_of_its_column(items: dict[str, Any], tmp_path: Path) -> None:
    """So that a narrow page can show a row as a list."""
    invoke("report", save(tmp_path / "m", "contrast", items, perfect), "--to", tmp_path / "report")
    page = (tmp_path / "report/index.html").read_text()
    assert page.count("<td data-label=") == page.count("<td") - page.count("<td colspan")


def test_tasks_with_groups_have_a_table_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CGC_CACHE", str(tmp_path / "cache"))
    ready = prepare_transfer("mmstar", source=repository(tmp_path, "mmstar"))
    found = benchmark("transfer").read_items(ready.annotations)
    folders = [
        save(tmp_path / "a", "transfer", found, lambda item: "A"),
        save(tmp_path / "b", "transfer", found, lambda item: "D"),
    ]
    runs = read_runs(folders)
    (table,) = group_tables([(run, run.summary()) for run in runs])
    assert (table.title, table.task, table.models) == ("cgc_transfer", "mmstar", ("a", "b"))
    assert {row.group: (row.n, row.values) for row in table.rows} == {
        "geometry": (1, (0.0, 100.0)),
        "localization": (2, (50.0, 0.0)),
    }
    invoke("report", *folders, "--to", tmp_path / "report")
    assert "| localization | 2 | 50.00 | 0.00 |" in (tmp_path / "report/report.md").read_text()
