"""Reports and comparisons of saved runs: every figure is there, others' apart, what is odd is called out by name."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from cgc_bench.cli import cli
from cgc_bench.contrast import BENCHMARK as CONTRAST
from cgc_bench.contrast.prepare import prepare_release
from cgc_bench.errors import ReportError
from cgc_bench.prepare import prepare
from cgc_bench.report.runs import read_runs
from cgc_bench.scoring.benchmark import benchmark
from cgc_data.answer import format_response
from tests.cgc_bench.official_files import mig_folder
from tests.cgc_train.made_rows import some_rows, write_release

Answer = Callable[[Any], str]


@pytest.fixture
def release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CGC_CACHE", str(tmp_path / "cache"))
    folder = write_release(tmp_path / "R", [*some_rows("test"), *some_rows("test", photo=200)])
    prepare_release(str(folder))
    return folder


def perfect(item: Any) -> str:
    return format_response(item.truth.objects, "Looked.")


def in_pixels(item: Any) -> str:
    objects = [
        {"img_idx": o.img_idx, "bbox_2d": [1200, 1300, 1900, 1800], "label": o.label} for o in item.truth.objects
    ]
    return json.dumps(objects)


def save(run: Path, name: str, items: dict[str, Any], answer: Answer, label: str = "") -> Path:
    """A run as lmms-eval writes it."""
    folder = run / run.name
    folder.mkdir(parents=True, exist_ok=True)
    for task in {item.task for item in items.values()}:
        lines = [
            {"doc_id": 0, "cgc_index": index, "cgc_task": task, "cgc_benchmark": name, "cgc_response": answer(item)}
            | {"cgc_annotations": item.version}
            for index, item in items.items()
            if item.task == task
        ]
        file = folder / f"20261124_120000_samples_{label or f'cgc_{name}'}_{task}.jsonl"
        file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return run


def invoke(*arguments: object) -> str:
    result = CliRunner().invoke(cli, [str(argument) for argument in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_a_report_has_every_figure_and_names_who_answers_in_pixels(release: Path, tmp_path: Path) -> None:
    items = CONTRAST.read_items(release)
    good = save(tmp_path / "good-model", "contrast", items, perfect)
    bad = save(tmp_path / "bad-model", "contrast", items, in_pixels)
    invoke("report", good, bad, "--to", tmp_path / "report")
    for name in ("index.html", "report.md"):
        text = (tmp_path / "report" / name).read_text()
        assert "bad-model answers in pixels" in text
        assert "good-model answers in pixels" not in text
        assert "100.00" in text
        for floor in CONTRAST.floors:
            assert f"floor: {floor}" in text
        assert str(tmp_path) not in text
    assert "http" not in (tmp_path / "report" / "index.html").read_text(), "the page needs nothing from elsewhere"


def test_published_figures_stand_apart_with_their_tags(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CGC_CACHE", str(tmp_path / "cache"))
    root, annotations = mig_folder(tmp_path)
    ready = prepare("mig", source=root, annotations=annotations)
    items = benchmark("mig").read_items(ready.annotations)
    run = save(tmp_path / "m", "mig", items, lambda item: "(100,200),(500,600)")
    invoke("report", run, "--to", tmp_path / "report")
    text = (tmp_path / "report" / "report.md").read_text()
    assert "| **mean of tasks** | 11 | 100.00 |" in text
    assert "Qwen2-VL-7B" not in text, "figures on other annotations are not shown beside a stand-in"


def test_a_comparison_lists_what_was_won_and_shows_it(release: Path, tmp_path: Path) -> None:
    items = CONTRAST.read_items(release)
    base = save(tmp_path / "base", "contrast", items, lambda item: "[]")
    new = save(tmp_path / "new", "contrast", items, perfect)
    output = invoke("compare", base, new, "--to", tmp_path / "page")
    assert "lost 0" in output
    page = (tmp_path / "page" / "index.html").read_text()
    with_target = [index for index, item in items.items() if item.truth.objects]
    assert all(index in page for index in with_target)
    assert page.count('class="box true"') == page.count('class="box new"') > 0
    assert list((tmp_path / "page" / "images").iterdir())
    again = invoke("compare", base, new, "--to", tmp_path / "page")
    assert again == output


def test_what_a_model_wrote_is_never_markup(release: Path, tmp_path: Path) -> None:
    items = CONTRAST.read_items(release)
    base = save(tmp_path / "base", "contrast", items, lambda item: "<script>alert(1)</script>")
    new = save(tmp_path / "new", "contrast", items, perfect)
    invoke("compare", base, new, "--to", tmp_path / "page")
    assert "<script>" not in (tmp_path / "page" / "index.html").read_text()


def test_the_newest_answers_count(release: Path, tmp_path: Path) -> None:
    items = CONTRAST.read_items(release)
    run = save(tmp_path / "run", "contrast", items, lambda item: "[]")
    for file in list((run / "run").glob("*.jsonl")):
        file.rename(file.with_name(file.name.replace("20261124", "20261123")))
    save(run, "contrast", items, perfect)
    (found,) = read_runs([run])
    assert found.summary()["macro"]["acc@0.5"] == 100


def test_bad_input_is_told(release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    items = CONTRAST.read_items(release)
    run = save(tmp_path / "run", "contrast", items, perfect)
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(ReportError, match="holds no samples of our tasks; run lmms-eval with --log_samples"):
        read_runs([empty])
    with pytest.raises(ReportError, match="not a folder"):
        read_runs([tmp_path / "nothing"])
    with pytest.raises(ReportError, match="holds no samples of cgc_mig"):
        invoke("compare", run, run, "--task", "cgc_mig", "--to", tmp_path / "page")
    with pytest.raises(ReportError, match="holds other files; name a new folder"):
        invoke("report", run, "--to", release)
    save(run, "contrast", items, perfect, label="cgc_contrast_think")
    with pytest.raises(ReportError, match=r"holds several runs .*choose with --task"):
        invoke("compare", run, run, "--to", tmp_path / "page")
    monkeypatch.setenv("CGC_CACHE", str(tmp_path / "elsewhere"))
    with pytest.raises(ReportError, match="which are not prepared here"):
        read_runs([run])
