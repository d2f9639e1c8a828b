"""The tasks in the real lmms-eval: found with no flag, prepared, answered, scored as everywhere; and how they fail."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("lmms_eval")

from click.testing import CliRunner

from cgc_bench.cli import cli
from cgc_bench.lmms import discovery, dispatch, tasks
from cgc_bench.mig.benchmark import MigBench
from cgc_bench.refcoco.prepare import prepare_refcoco
from cgc_bench.report import write_report
from cgc_bench.report.runs import read_runs
from cgc_bench.scoring.benchmark import benchmark
from cgc_bench.scoring.samples import read_responses
from cgc_bench.scoring.summary import floor_table, score_responses, summarise
from cgc_bench.transfer.items import TASKS
from cgc_bench.transfer.prepare import prepare_transfer
from scripts.write_tasks import files
from tests.cgc_bench import refcoco_rows
from tests.cgc_bench.official_files import mig_folder, prepare, vlm2_folder
from tests.cgc_bench.transfer_rows import repository
from tests.cgc_train.made_rows import some_rows, write_release

ROOT = Path(__file__).parents[2]
WAYS = {
    "our script": [str(Path(sys.executable).with_name("lmms_eval"))],
    "their script": [str(Path(sys.executable).with_name("lmms-eval"))],
    "module": [sys.executable, "-m", "lmms_eval"],
    "accelerate": [
        *(sys.executable, "-m", "accelerate.commands.launch", "--cpu", "--num_processes", "1", "--num_machines", "1"),
        *("--mixed_precision", "no", "--dynamo_backend", "no", "-m", "lmms_eval"),
    ],
}
EVALUATE = """
import json, sys
from lmms_eval.evaluator import simple_evaluate
done = simple_evaluate(model="cgc_floor", model_args="floor=whole_image", tasks=["cgc_contrast"], log_samples=False)
print("RESULTS", json.dumps({name: row["miou,none"] for name, row in done["results"].items() if "miou,none" in row}))
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cache with both benchmarks prepared, and a release next to it, as set in the environment."""
    folder = tmp_path_factory.mktemp("lmms")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CGC_CACHE", str(folder / "cache"))
        patch.setenv("HF_DATASETS_CACHE", str(folder / "datasets"))
        patch.setenv("HF_HUB_OFFLINE", "1")
        patch.setenv("CGC_BENCH_RELEASE", str(folder / "R"))
        root, annotations = mig_folder(folder)
        prepare("mig", source=root, annotations=annotations)
        prepare("vlm2", source=vlm2_folder(folder))
        for task in TASKS:
            prepare_transfer(task, source=repository(folder, task))
        prepare_refcoco("refcoco_plus", source=refcoco_rows.repository(folder, "refcoco_plus"))
        write_release(folder / "R", [*some_rows("test"), *some_rows("test", photo=200)])
        yield folder


def run(command: list[str], out: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    given = [*command, "--output_path", str(out), "--log_samples"]
    variables = os.environ | {"OMP_NUM_THREADS": "1"} | environment
    return subprocess.run(
        given, env=variables, cwd=out.parent, capture_output=True, text=True, timeout=280, check=False
    )


def results(out: Path) -> dict[str, Any]:
    (file,) = out.rglob("*_results.json")
    found: dict[str, Any] = json.loads(file.read_text())["results"]
    return found


def _number(value: float | None) -> float:
    return float("nan") if value is None else value


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_found_with_no_flag_and_scored_as_the_score_command_does(place: Path, tmp_path: Path, way: str) -> None:
    done = run([*WAYS[way], "--model", "cgc_floor", "--tasks", "cgc_mig,cgc_contrast"], tmp_path / "out")
    assert done.returncode == 0, done.stderr[-2000:]
    printed = results(tmp_path / "out")
    for name, annotations in (("mig", prepare("mig").annotations), ("contrast", place / "R")):
        bench = benchmark(name)
        items = bench.read_items(annotations)
        expected = floor_table(bench, items, list(items), "whole image")
        for task, row in ((task, expected["tasks"][task]) for task in bench.tasks if task in expected["tasks"]):
            for metric in bench.metrics:
                assert printed[f"cgc_{name}_{task}"][f"{metric},none"] == pytest.approx(
                    _number(row[metric]), nan_ok=True
                )
        responses = read_responses([tmp_path / "out"], items, name)
        again = summarise(bench, items, score_responses(bench, items, responses))
        assert again["macro"] == pytest.approx(expected["macro"])


@pytest.mark.slow
def test_a_tiny_model_answers_every_benchmark(place: Path, tiny: Path, tmp_path: Path) -> None:
    model = f"pretrained={tiny},device_map=cpu"
    asked = "cgc_contrast,cgc_mig_diff,cgc_mig_think_group_grounding,cgc_vlm2_oc_cnt,cgc_transfer"
    command = [*WAYS["our script"], "--model", "qwen3_vl", "--model_args", model, "--device", "cpu", "--tasks", asked]
    done = run([*command, "--limit", "2", "--gen_kwargs", "max_new_tokens=6"], tmp_path / "out")
    assert done.returncode == 0, done.stderr[-2000:]
    printed = results(tmp_path / "out")
    assert {"cgc_contrast_inter", "cgc_contrast_intra", "cgc_mig_diff", "cgc_vlm2_oc_cnt"} <= printed.keys()
    assert {f"cgc_transfer_{task}" for task in TASKS} <= printed.keys()
    (run_of_transfer,) = [found for found in read_runs([tmp_path / "out"]) if found.label == "cgc_transfer"]
    assert set(run_of_transfer.ready) == set(TASKS)
    assert run_of_transfer.summary()["n"] == 10
    write_report(read_runs([tmp_path / "out"]), tmp_path / "report")
    written = (tmp_path / "report" / "report.md").read_text()
    assert "Transfer tasks" in written
    assert "second-hand" in written, "figures of others on versions that they do not name"
    lines = [json.loads(line) for f in (tmp_path / "out").rglob("*samples_cgc_mig_diff.jsonl") for line in f.open()]
    assert lines
    assert all(isinstance(line["cgc_response"], str) for line in lines)


@pytest.mark.slow
def test_a_local_model_and_an_api_are_sent_the_same_prompts_and_images(place: Path, tiny: Path, tmp_path: Path) -> None:
    sent: dict[str, list[str]] = {}
    local = ("--model_args", f"pretrained={tiny},device_map=cpu", "--device", "cpu")
    for model, given in (("qwen3_vl", local), ("openai", ())):
        command = [sys.executable, "-m", "scripts.engines.lmms_sent", str(tmp_path / f"{model}.jsonl"), model, *given]
        command += ["--tasks", "cgc_all", "--limit", "1", "--gen_kwargs", "max_new_tokens=2"]
        path = os.pathsep.join([str(ROOT), str(ROOT / "cards")])
        done = run(command, tmp_path / model, CGC_BENCH_PROFILE="lmms-eval-default", PYTHONPATH=path)
        assert done.returncode == 0, done.stderr[-2000:]
        sent[model] = sorted((tmp_path / f"{model}.jsonl").read_text().splitlines())
    assert sent["qwen3_vl"] == sent["openai"]
    kinds = [[kind for kind, _ in json.loads(line)] for line in sent["openai"]]
    assert max(kind.count("image") for kind in kinds) > 1, "a request with several images, whose order is compared"
    assert sum(len(results(tmp_path / model)) > 20 for model in sent) == 2


@pytest.mark.slow
def test_the_simple_interface_takes_the_same_tasks(place: Path, tiny: Path, tmp_path: Path) -> None:
    model = f"pretrained={tiny},device_map=cpu"
    command = [*WAYS["module"], "--model", "qwen3_vl", "--model_args", model, "--device", "cpu", "--force_simple"]
    asked = "cgc_mig_diff,cgc_contrast_intra,cgc_transfer_mmmu_val"
    done = run([*command, "--tasks", asked, "--limit", "1", "--gen_kwargs", "max_new_tokens=4"], tmp_path / "out")
    assert done.returncode == 0, done.stderr[-2000:]
    assert {"cgc_mig_diff", "cgc_contrast_intra", "cgc_transfer_mmmu_val"} <= results(tmp_path / "out").keys()


@pytest.mark.slow
def test_reasoning_reaches_the_score_as_it_was_written(place: Path, tmp_path: Path) -> None:
    command = [*WAYS["module"], "--model", "cgc_floor", "--model_args", "floor=whole_image"]
    done = run([*command, "--tasks", "cgc_contrast_think"], tmp_path / "out")
    assert done.returncode == 0, done.stderr[-2000:]
    for task in ("inter", "intra"):
        assert results(tmp_path / "out")[f"cgc_contrast_think_{task}"]["format,none"] == 100
    lines = [json.loads(line) for file in (tmp_path / "out").rglob("*_samples_*.jsonl") for line in file.open()]
    assert lines
    assert all(line["cgc_response"].startswith("<think>") for line in lines)


@pytest.mark.slow
def test_simple_evaluate_finds_the_tasks(place: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", EVALUATE], env=dict(os.environ), cwd=tmp_path, capture_output=True, text=True,
        timeout=280, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("RESULTS ")]
    bench = benchmark("contrast")
    items = bench.read_items(place / "R")
    expected = floor_table(bench, items, list(items), "whole image")["tasks"]
    printed = json.loads(line.removeprefix("RESULTS "))
    assert {name: printed[f"cgc_contrast_{name}"] for name in bench.tasks} == pytest.approx(
        {name: expected[name]["miou"] for name in bench.tasks}
    )


@pytest.mark.slow
def test_a_wheel_has_all_that_is_needed(place: Path, tmp_path: Path) -> None:
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run(
        [*pip, "install", "--no-deps", "--no-build-isolation", "--target", str(tmp_path / "installed"), str(ROOT)],
        check=True, capture_output=True, timeout=240,
    )  # fmt: skip
    environment = {"PYTHONPATH": str(tmp_path / "installed")}
    code = [sys.executable, "-c", "import cgc_bench; print(cgc_bench.__file__)"]
    where = subprocess.run(code, env=os.environ | environment, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert str(tmp_path) in where.stdout
    done = run([*WAYS["module"], "--model", "cgc_floor", "--tasks", "cgc_contrast"], tmp_path / "out", **environment)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "cgc_contrast_inter" in results(tmp_path / "out")


@pytest.mark.slow
def test_a_floor_runs_under_two_processes(place: Path, tmp_path: Path) -> None:
    two = [word if word != "1" or WAYS["accelerate"][n - 1] != "--num_processes" else "2" for n, word in _accelerate()]
    command = [*two, "--model", "cgc_floor", "--tasks", "cgc_contrast"]
    done = run(command, tmp_path / "out")
    assert done.returncode == 0, done.stderr[-2000:]
    bench = benchmark("contrast")
    items = bench.read_items(place / "R")
    assert read_responses([tmp_path / "out"], items, "contrast").keys() == items.keys(), "every item once"
    expected = floor_table(bench, items, list(items), "whole image")["tasks"]
    printed = results(tmp_path / "out")
    assert {task: printed[f"cgc_contrast_{task}"]["miou,none"] for task in bench.tasks} == pytest.approx(
        {task: expected[task]["miou"] for task in bench.tasks}
    )


def _accelerate() -> Iterator[tuple[int, str]]:
    return enumerate(WAYS["accelerate"])


@pytest.mark.slow
def test_a_metric_that_no_item_defines_is_no_row(place: Path, tmp_path: Path) -> None:
    done = run([*WAYS["our script"], "--model", "cgc_floor", "--tasks", "cgc_contrast_inter"], tmp_path / "out")
    assert done.returncode == 0, done.stderr[-2000:]
    assert "hallucination" in done.stdout
    assert "constancy" not in done.stdout, "no pair of directions between scenes"
    assert "nan" not in done.stdout


@pytest.mark.slow
def test_a_missing_release_is_one_line_and_no_long_wait(place: Path, tmp_path: Path) -> None:
    command = [*WAYS["our script"], "--model", "cgc_floor", "--tasks", "cgc_contrast"]
    done = run(command, tmp_path / "out", CGC_BENCH_RELEASE="")
    assert done.returncode == 2
    lines = [line for line in done.stderr.splitlines() if line.startswith("cgc-bench:")]
    assert lines == [
        "cgc-bench: cgc_contrast needs a release: set CGC_BENCH_RELEASE to its folder, or to ORG/NAME on the Hub"
    ]


@pytest.mark.slow
def test_a_floor_that_a_benchmark_lacks_is_one_line(place: Path, tmp_path: Path) -> None:
    command = [*WAYS["our script"], "--model", "cgc_floor", "--model_args", "floor=whole_image"]
    done = run([*command, "--tasks", "cgc_vlm2_oc_grp"], tmp_path / "out")
    assert done.returncode == 2
    assert "cgc-bench: vlm2 has no floor 'whole image'; choose from " in done.stderr


def documents(name: str, variant: str, task: str, prompt: str = "official") -> list[dict[str, Any]]:
    return list(tasks.documents([{"benchmark": name, "variant": variant, "task": task, "prompt": prompt}]))


@pytest.mark.parametrize("text", ["", "x" * 1_000_000, "[NaN, 1e308, 1, 2]", "(9,9),(1,1)", "\ud800", "<think>", None])
@pytest.mark.parametrize(
    ("name", "variant", "task"),
    [
        *[("mig", "revised", "diff"), ("vlm2", "vanilla", "oc_cnt"), ("contrast", "test", "inter")],
        *[("transfer", "hub", task) for task in TASKS],
        ("refcoco", "hub", "plus_testA"),
    ],
)
def test_scoring_never_raises(place: Path, name: str, variant: str, task: str, text: Any) -> None:
    for doc in documents(name, variant, task):
        scored = tasks.score(doc, [text] if text is not None else [])
        bench = benchmark(name)
        assert {*bench.metrics, *bench.diagnostics} <= scored.keys()
        for metric in bench.metrics:
            tasks.percent([scored[metric]])


def test_a_perfect_answer_scores_100_in_the_task(place: Path) -> None:
    docs = documents("mig", "revised", "group_grounding")
    items = [tasks.item_of(doc) for doc in docs]
    answers = [f"({item.box[0]},{item.box[1]}),({item.box[2]},{item.box[3]})" for item in items]
    scored = [tasks.score(doc, [answer]) for doc, answer in zip(docs, answers, strict=True)]
    assert tasks.percent([row["acc@0.5"] for row in scored]) == 100


def test_after_reasoning_only_the_answer_counts(place: Path) -> None:
    thought = "<think>Perhaps (100,200),(500,600)?</think><answer>[]</answer>"
    for prompt, expected in (("official", 1.0), ("think", 0.0)):
        doc = documents("mig", "revised", "diff", prompt)[0]
        scored = tasks.score(doc, [thought])
        assert scored["acc@0.5"].result.values["acc@0.5"] == expected
        assert scored["cgc_protocol"] == ("strict" if prompt == "think" else "official")


@pytest.mark.parametrize(
    ("prefix", "written", "format_", "unreadable"),
    [
        ("", "Looked.</think><answer>[]</answer>", 0, 0),
        ("<think>", "Looked.</think><answer>[]</answer>", 1, 0),
        ("<think>\n", "Looked.</think><answer>[]</answer>", 1, 0),
        ("<think>", "<think>Looked.</think><answer>[]</answer>", 1, 0),
        ("", "[]", 0, 0),
        ("<think>", "[]", 0, 1),  # cut off while it was still thinking
    ],
)
def test_what_the_chat_template_wrote_belongs_to_the_response(
    place: Path, monkeypatch: pytest.MonkeyPatch, prefix: str, written: str, format_: int, unreadable: int
) -> None:
    monkeypatch.setenv("CGC_BENCH_PREFIX", prefix)
    scored = tasks.score(documents("contrast", "test", "inter", "think")[0], [written])
    values = scored["format"].result.values
    assert (values["format"], values["unreadable"]) == (format_, unreadable)
    assert scored["cgc_response"].endswith(written), "the samples file keeps the whole response"
    assert scored["cgc_response"].startswith(prefix)


def test_images_are_capped_and_messages_hold_them_in_order(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CGC_BENCH_MAX_PIXELS", "1500")
    (doc, *_) = documents("contrast", "test", "inter", "think")
    shown = tasks.images(doc)
    assert all(image.width * image.height <= 1500 for image in shown)
    parts = [part for message in tasks.messages(doc) for part in message["content"]]
    assert [part["url"].tobytes() for part in parts if part["type"] == "image"] == [i.tobytes() for i in shown]
    assert "<think>" in tasks.text(doc)


def test_the_task_files_are_what_the_script_writes() -> None:
    written = dict(files())
    for path, content in written.items():
        assert path.read_text(encoding="utf-8") == content, f"{path.name}: run scripts/write_tasks.py"
    kept = set(discovery.tasks_folder().rglob("cgc_*/*.yaml"))
    assert kept == {path for path in written if path.suffix == ".yaml"}


def test_images_of_a_message_are_those_that_the_question_names(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CGC_BENCH_PROFILE", "authors")
    (doc, *_) = documents("transfer", "hub", "mmmu_val")
    shown = tasks.images(doc)
    urls = [part["url"] for part in tasks.messages(doc)[0]["content"] if part["type"] == "image"]
    assert [url.tobytes() for url in urls] == [shown[n].tobytes() for n in (1, 0, 2)]


def test_the_folder_is_printed() -> None:
    printed = CliRunner().invoke(cli, ["tasks-path"], catch_exceptions=False).output.strip()
    assert all((Path(printed) / "cgc_mig" / f"_{group.name}.yaml").is_file() for group in MigBench.groups)


def test_moved_internals_say_the_way_out(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from lmms_eval.tasks import TaskManager

    monkeypatch.delattr(TaskManager, "initialize_tasks")
    discovery.add_tasks()
    assert '--include_path "$(cgc-bench tasks-path)"' in capsys.readouterr().err


def test_a_failed_evaluation_ends_with_status_1(monkeypatch: pytest.MonkeyPatch) -> None:
    from lmms_eval import __main__ as command

    def failing(_: object) -> None:
        raise ValueError("broken")

    monkeypatch.setattr(command, "cli_evaluate_single", failing)
    monkeypatch.setattr("sys.argv", ["lmms_eval", "--model", "cgc_floor", "--tasks", "cgc_mig"])
    with pytest.raises(SystemExit, match="1"):
        dispatch.main()
    assert command.cli_evaluate_single is failing
