"""Reports and comparisons of saved runs: every figure is there, those of others separate, and oddities are named."""

import html
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cgc_bench.contrast import BENCHMARK as CONTRAST
from cgc_bench.contrast.prepare import prepare_release
from cgc_bench.errors import ReportError, SampleFileError
from cgc_bench.report import write_comparison
from cgc_bench.report.runs import read_runs
from cgc_bench.scoring.benchmark import benchmark
from cgc_data.common.errors import CgcError
from cgc_data.release.read import open_release
from tests.cgc_bench import vlm2_rows
from tests.cgc_bench.official_files import mig_folder, prepare
from tests.cgc_bench.saved_runs import Answer, in_pixels, in_shares, invoke, perfect, save
from tests.cgc_train.made_rows import some_rows, write_release


@pytest.fixture
def release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CGC_CACHE", str(tmp_path / "cache"))
    folder = write_release(tmp_path / "R", [*some_rows("test"), *some_rows("test", photo=200)])
    prepare_release(str(folder))
    return folder


def test_a_report_has_every_figure_and_names_who_answers_in_pixels(release: Path, tmp_path: Path) -> None:
    items = CONTRAST.read_items(release)
    good = save(tmp_path / "good-model", "contrast", items, perfect)
    bad = save(tmp_path / "bad-model", "contrast", items, in_pixels)
    small = save(tmp_path / "small-model", "contrast", items, in_shares)
    invoke("report", good, bad, small, "--to", tmp_path / "report")
    for name in ("index.html", "report.md"):
        text = (tmp_path / "report" / name).read_text()
        assert "bad-model answers in pixels" in text
        assert "small-model answers in fractions of the image, from 0 to 1" in text
        assert "good-model answers in" not in text
        assert "small-model answers in pixels" not in text
        assert "100.00" in text
        for floor in CONTRAST.floors:
            assert f"floor: {floor}" in text
        assert "hallucination" in text
        assert re.search("false.empty", text)
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


def test_a_report_measures_answers_in_pixels_by_the_images_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CGC_CACHE", str(tmp_path / "cache"))
    root, annotations = mig_folder(tmp_path)
    ready = prepare("mig", source=root, annotations=annotations)
    items = benchmark("mig").read_items(ready.annotations)
    # 96 x 64 pixels, of which 96 * 64 / 4 are shown: 48 x 32
    run = save(tmp_path / "m", "mig", items, lambda item: "(5,6),(24,19)", cgc_max_pixels=96 * 64 // 4)
    (read,) = read_runs([run])
    assert read.summary()["diagnostics"]["macro"]["acc@0.5_as_pixels"]["value"] == 100
    unknown = save(tmp_path / "n", "mig", items, lambda item: "(5,6),(24,19)")
    assert "acc@0.5_as_pixels" not in read_runs([unknown])[0].summary()["diagnostics"]["macro"]


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


def saved_answers(file: Path, items: dict[str, Any], answer: Answer) -> Path:
    lines = [json.dumps({"index": index, "response": answer(item)}) for index, item in items.items()]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return file


def test_saved_responses_are_reported_and_compared_like_runs(release: Path, tmp_path: Path) -> None:
    items = CONTRAST.read_items(release)
    good = saved_answers(tmp_path / "saved" / "good-model.jsonl", items, perfect)
    empty = saved_answers(tmp_path / "saved" / "silent-model.jsonl", items, lambda item: "[]")
    run = save(tmp_path / "run-model", "contrast", items, perfect)
    of = ("--benchmark", "contrast", "--annotations", release)
    invoke("report", good, empty, run, *of, "--to", tmp_path / "report")
    text = (tmp_path / "report" / "report.md").read_text()
    assert "saved responses, saved/good-model.jsonl; " in text
    assert "run of " in text
    table = (tmp_path / "report" / "tables" / "contrast_ours.tex").read_text()
    assert [name for name in ("good-model", "silent-model", "run-model") if f"{name} & " in table] == [
        "good-model",
        "silent-model",
        "run-model",
    ]
    output = invoke("compare", empty, good, *of, "--to", tmp_path / "page")
    assert "lost 0" in output
    page = (tmp_path / "page" / "index.html").read_text()
    assert all(index in page for index, item in items.items() if item.truth.objects)
    assert not (tmp_path / "page" / "images").exists(), "saved responses come without images"


def test_saved_responses_in_which_reasoning_is_open_are_read_with_their_prefix(release: Path, tmp_path: Path) -> None:
    items = CONTRAST.read_items(release)
    cut = saved_answers(tmp_path / "cut.jsonl", items, lambda item: perfect(item).rpartition("<answer>")[2])
    of = ("--benchmark", "contrast", "--annotations", release, "--prefix", "<think>")
    invoke("report", cut, *of, "--to", tmp_path / "report")
    with_target = [line for line in (tmp_path / "report/report.md").read_text().splitlines() if "| cut |" in line]
    assert with_target
    assert all("100.00" not in line for line in with_target)


def test_files_of_saved_responses_need_what_they_answer(release: Path, tmp_path: Path) -> None:
    items = CONTRAST.read_items(release)
    file = saved_answers(tmp_path / "model.jsonl", items, perfect)
    run = save(tmp_path / "run", "contrast", items, perfect)
    with pytest.raises(ReportError, match=r"model.jsonl: a file; .* --benchmark and --annotations"):
        invoke("report", file)
    with pytest.raises(ReportError, match="need both --benchmark and --annotations"):
        invoke("compare", file, run, "--annotations", release)
    with pytest.raises(ReportError, match="none of the paths is a file"):
        invoke("report", run, "--benchmark", "contrast", "--annotations", release)


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
    with pytest.raises(ReportError, match="contains no samples of our tasks; run lmms-eval with --log_samples"):
        read_runs([empty])
    with pytest.raises(ReportError, match="not a folder"):
        read_runs([tmp_path / "nothing"])
    with pytest.raises(ReportError, match="contains no samples of cgc_mig"):
        invoke("compare", run, run, "--task", "cgc_mig", "--to", tmp_path / "page")
    with pytest.raises(ReportError, match="contains other files; name a new folder"):
        invoke("report", run, "--to", release)
    save(run, "contrast", items, perfect, label="cgc_contrast_think")
    with pytest.raises(ReportError, match=r"contains several runs .*choose with --task"):
        invoke("compare", run, run, "--to", tmp_path / "page")
    monkeypatch.setenv("CGC_CACHE", str(tmp_path / "elsewhere"))
    with pytest.raises(ReportError, match="which are not prepared here"):
        read_runs([run])


PIXELS = "pixel limit 1,048,576"


def data_of(release: Path) -> dict[str, Any]:
    """What the tasks state of this release."""
    return {"cgc_data_sha256": dict(prepare_release(str(release)).digests), "cgc_max_pixels": 1048576}


def test_a_report_states_how_each_run_was_asked(release: Path, tmp_path: Path) -> None:
    items = CONTRAST.read_items(release)
    stated = data_of(release)
    run = save(tmp_path / "m", "contrast", items, perfect, **stated)
    old = save(tmp_path / "old", "contrast", items, perfect)
    configuration = {"generation_kwargs": {"max_new_tokens": 77}, "metadata": {"cgc_interface": "chat"}}
    configurations = {f"cgc_contrast_{task}": configuration for task in ("inter", "intra")}
    (run / "m" / "20261124_120000_results.json").write_text(json.dumps({"configs": configurations}))
    invoke("report", run, old, "--to", tmp_path / "report")
    for name in ("index.html", "report.md"):
        text = html.unescape((tmp_path / "report" / name).read_text())
        assert PIXELS in text
        assert "pixel limit not stated" in text
        assert '"max_new_tokens": 77' in text
        assert "interface chat" in text
        assert next(iter(items.values())).version in text
    (summary,) = [found.summary() for found in read_runs([run])]
    assert {task: row["data"] for task, row in summary["asked"].items()} == stated["cgc_data_sha256"]


def test_score_states_how_a_run_was_asked(release: Path, tmp_path: Path) -> None:
    run = save(tmp_path / "m", "contrast", CONTRAST.read_items(release), perfect, **data_of(release))
    out = tmp_path / "score.json"
    printed = invoke("score", "contrast", "--annotations", release, "--predictions", run, "--json", out)
    assert PIXELS in printed
    assert json.loads(out.read_text())["asked"]["inter"]["max_pixels"] == 1048576


def test_tasks_asked_with_different_settings_are_called_out(release: Path, tmp_path: Path) -> None:
    limits = data_of(release) | {"cgc_max_pixels": {"inter": 1500, "intra": 3000}}
    run = save(tmp_path / "m", "contrast", CONTRAST.read_items(release), perfect, **limits)
    invoke("report", run, "--to", tmp_path / "report")
    text = (tmp_path / "report" / "report.md").read_text()
    assert "the tasks were run with different settings: pixel limit" in text
    assert "1,500 (inter)" in text


def test_a_comparison_of_other_settings_is_flagged(release: Path, tmp_path: Path) -> None:
    items, stated = CONTRAST.read_items(release), data_of(release)
    base = save(tmp_path / "base", "contrast", items, lambda item: "[]", **stated)
    new = save(tmp_path / "new", "contrast", items, perfect, **stated | {"cgc_max_pixels": 1500})
    assert "different settings: pixel limit 1,048,576, then 1,500" in invoke(
        "compare", base, new, "--to", tmp_path / "p"
    )
    assert "different settings" in (tmp_path / "p" / "index.html").read_text()
    same = save(tmp_path / "same", "contrast", items, perfect, **stated)
    assert "different settings" not in invoke("compare", base, same, "--to", tmp_path / "p")
    old = save(tmp_path / "old", "contrast", items, perfect)
    assert "pixel limit 1,048,576, then not stated" in invoke("compare", base, old, "--to", tmp_path / "p")


def test_a_comparison_on_other_images_is_refused(
    release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same items, asked about other photos: the first run's data is prepared elsewhere."""
    items = CONTRAST.read_items(release)
    base = read_runs([save(tmp_path / "base", "contrast", items, perfect, **data_of(release))])
    changed = [
        replace(run, asked={task: replace(one, data="0" * 64) for task, one in run.asked.items()}) for run in base
    ]
    with pytest.raises(ReportError, match=r"other items or images \(int.*\): run both on the same prepared"):
        write_comparison(base[0], changed, tmp_path / "page")


def test_a_run_on_data_that_is_gone_is_refused(release: Path, tmp_path: Path) -> None:
    stated = data_of(release) | {"cgc_data_sha256": "0" * 64}
    run = save(tmp_path / "m", "contrast", CONTRAST.read_items(release), perfect, **stated)
    with pytest.raises(ReportError, match="with data sha256 000000000000, which are not prepared here"):
        read_runs([run])


def test_an_answer_to_other_question_files_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """VLM2-Bench has no published version, so only a digest distinguishes its files."""
    items = benchmark("vlm2").read_items(vlm2_rows.write(tmp_path / "first"))
    run = save(tmp_path / "m", "vlm2", items, lambda item: str(item.answer))
    rows = vlm2_rows.ROWS | {"oc_grp": [row | {"gt_answer": "(D)"} for row in vlm2_rows.ROWS["oc_grp"]]}
    other = vlm2_rows.write(tmp_path / "second", rows)
    assert "100.00" in invoke("score", "vlm2", "--annotations", tmp_path / "first", "--predictions", run)
    with pytest.raises(SampleFileError, match=r"made on the unpinned \(sha256 .* annotations, not on unpinned"):
        invoke("score", "vlm2", "--annotations", other, "--predictions", run)


def test_a_pinned_release_is_reported(release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a release on the Hub with its tag is asked."""
    monkeypatch.setattr("cgc_bench.contrast.items.locate_release", lambda name, revision: open_release(release))
    ready = prepare_release("ORG/R", "v1.0.0")
    items = CONTRAST.read_items(ready.annotations)
    run = save(tmp_path / "m", "contrast", items, perfect, cgc_data_sha256=dict(ready.digests))
    (found,) = read_runs([run])
    assert found.summary()["macro"]["acc@0.5"] == 100
    assert found.source == "ORG/R@v1.0.0"


ODD_LINES = {
    "empty file": ("", "it is empty or not of our tasks"),
    "cut short": ('{"cgc_index": "0", "cgc_respon', "line 1: not JSON"),
    "not UTF-8": (b"\xff\xfe{}", "line 1: not UTF-8 at byte 0"),
    "deep": ("[" * 100_000, "line 1: not JSON"),
    "a list": ("[1]", "line 1: not an object"),
    "a number": ("3", "line 1: not an object"),
    "benchmark of no text": ('{"cgc_benchmark": ["mig"], "cgc_task": "inter"}', "no benchmark"),
    "digest of no text": ('{"cgc_benchmark": "contrast", "cgc_task": "inter", "cgc_data_sha256": [1]}', "not prepared"),
    "protocol unknown": ("protocol", "no protocol 'loose'"),
    "pixels of no number": ("pixels", "`cgc_max_pixels` is not a number"),
    "second line cut short": ("second", "line 2: not JSON"),
}


@pytest.mark.parametrize("name", ODD_LINES)
@pytest.mark.parametrize("command", ["report", "compare"])
def test_a_damaged_samples_file_is_one_line(release: Path, tmp_path: Path, name: str, command: str) -> None:
    content, message = ODD_LINES[name]
    items = CONTRAST.read_items(release)
    columns = {"protocol": {"cgc_protocol": "loose"}, "pixels": {"cgc_max_pixels": "many"}}.get(str(content), {})
    run = save(tmp_path / "m", "contrast", items, perfect, **columns)
    file = next(run.rglob("*_inter.jsonl"))
    if content == "second":
        file.write_text(file.read_text().splitlines()[0] + '\n{"cgc_index": ')
    elif not columns:
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
    arguments = [run] if command == "report" else [run, run]
    with pytest.raises(CgcError, match=message) as raised:
        invoke(command, *arguments, "--to", tmp_path / "page")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "3", '{"configs": 3}', '{"configs": {"cgc_contrast_inter": []}}', "[" * 100_000]
)
def test_a_damaged_results_file_takes_nothing_from_a_report(release: Path, tmp_path: Path, content: str) -> None:
    run = save(tmp_path / "m", "contrast", CONTRAST.read_items(release), perfect)
    (run / "m" / "20261124_120000_results.json").write_text(content)
    (found,) = read_runs([run])
    assert {one.generation for one in found.asked.values()} == {None}
