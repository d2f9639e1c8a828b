"""The transfer tasks: prompts and scores against lmms-eval's own tasks, preparation, floors, and faulty data."""

import dataclasses
import json
import os
import random
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from cgc_bench.cli import cli
from cgc_bench.errors import AnnotationError, PrepareError
from cgc_bench.prepare import open_prepared, prepared_folder
from cgc_bench.scoring.benchmark import benchmark
from cgc_bench.scoring.summary import floor_table, score_responses, summarise
from cgc_bench.transfer.items import TASKS, Item
from cgc_bench.transfer.prepare import prepare_transfer
from tests.cgc_bench.transfer_rows import all_rows, blink, image, mathvista, mmmu, mmstar, muirbench, repository

BENCH = benchmark("transfer")


@pytest.fixture(autouse=True)
def _offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", True)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("transfer")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CGC_CACHE", str(folder / "cache"))
        for task in TASKS:
            prepare_transfer(task, source=repository(folder, task))
        yield folder


@pytest.fixture
def items(cache: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Item]:
    monkeypatch.setenv("CGC_CACHE", str(cache / "cache"))
    return BENCH.read_items(prepared_folder("transfer", "blink").parent)


def right_answer(item: Item) -> str:
    return item.answers[0]


def test_every_row_is_a_question_with_its_images(items: dict[str, Item]) -> None:
    assert [item.task for item in items.values()].count("blink") == 14
    assert len(items) == sum(len(all_rows(task)) for task in TASKS)
    for task in TASKS:
        ready = open_prepared(prepared_folder("transfer", task))
        assert ready is not None
        for place, index in enumerate(ready.indices(task)):
            assert len(ready.images(task, place)) == len(items[index].images)
    assert items["mmmu_val/validation_Math_7"].answers == ("24/7", "3.429")
    assert items["mathvista/2"].question.endswith("(Unit: $)")
    assert items["mathvista/4"].answers == ("B",)


def test_images_stand_where_the_question_names_them(items: dict[str, Item]) -> None:
    content = BENCH.messages(items["mmmu_val/validation_Art_1"], "think")[0]["content"]
    assert [part["place"] for part in content if part["type"] == "image"] == [1, 0, 2]
    assert [part["type"] for part in content] == ["text", "image", "text", "image", "text", "image", "text"]
    first = BENCH.messages(items["muirbench/1"], "think")[0]["content"]
    assert [part["type"] for part in first] == ["text", "image", "text", "image", "text", "image", "text"]
    unnamed = BENCH.messages(items["muirbench/2"], "think")[0]["content"]
    assert [part["type"] for part in unnamed] == ["image", "image", "image", "text"]


def their_prompts(task: str) -> Any:
    if task == "mathvista":
        pytest.importorskip("Levenshtein")
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("OPENAI_API_KEY", os.environ.get("OPENAI_API_KEY", "none"))
            from lmms_eval.tasks.mathvista.utils import mathvista_doc_to_text
        given: dict[str, Any] = {"shot_type": "format-prompt", "shot": 0, "use_caption": False, "use_ocr": False}
        return lambda doc: mathvista_doc_to_text(doc, given)
    if task == "muirbench":
        from lmms_eval.tasks.muirbench.utils import muir_doc_to_text

        form = "\nAnswer with the option's letter from the given choices directly."
        return lambda doc: muir_doc_to_text(doc, {"pre_prompt": "", "post_prompt": form})
    if task == "mmstar":
        from lmms_eval.tasks.mmstar.utils import mmstar_doc_to_text

        form = "\nAnswer with the option's letter from the given choices directly"
        return lambda doc: mmstar_doc_to_text(doc, {"pre_prompt": "", "post_prompt": form})
    if task == "mmmu_val":
        from lmms_eval.tasks.mmmu.utils import construct_prompt

        letter = "Answer with the option's letter from the given choices directly."
        return lambda doc: construct_prompt(doc, letter, "Answer the question using a single word or phrase.")
    from lmms_eval.tasks.blink.utils import blink_doc_to_text

    note = "Note: You only need to respond with {} without providing any additional information.\n"
    return lambda doc: blink_doc_to_text(doc, {"pre_prompt": note})


@pytest.mark.parametrize("task", TASKS)
def test_the_prompt_is_that_of_lmms_evals_own_task(items: dict[str, Item], task: str) -> None:
    pytest.importorskip("lmms_eval")
    own = [BENCH.prompt(item) for item in items.values() if item.task == task]
    assert own == [their_prompts(task)(doc) for doc in all_rows(task)]


ANSWERS = (
    *("A", "B", "C", "D", "(B)", "b", "B.", "C. two", "The answer is B.", "I think (C)", "a kite", "", "none of these"),
    *("<think>A or C</think>B", "<think>A</think>B. b", "<think>A</think>C<think>B</think>", "A. a<think>B</think>"),
    *("<analysis>A</analysis>B", "<analysis>A", "A</think>B</think>C", "<think>A. is it", "B<think>A"),
    *("14", "24/7", "x = 24/7", "the second's edge is the larger of the two", "A\nB"),
)


def their_score(task: str, doc: dict[str, Any], answer: str) -> float:
    """As the loop of lmms-eval does it: filters, reasoning cut, then the task's own functions."""
    from lmms_eval.__main__ import parse_eval_args
    from lmms_eval.api.reasoning import parse_reasoning_tags_config, strip_reasoning_tags

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["lmms-eval"])
        tags = parse_reasoning_tags_config(parse_eval_args()[1].reasoning_tags)
    assert tags is not None
    text = strip_reasoning_tags(answer, tags)
    if task == "muirbench":
        from lmms_eval.tasks.muirbench.utils import MultiChoiceRegexFilter, muir_aggregation, muir_process_results

        (filtered,) = MultiChoiceRegexFilter().apply([[answer]], [doc])
        read = strip_reasoning_tags(filtered, tags)
        return float(muir_aggregation([muir_process_results(doc, [read])["muirbench_score_overall"]]))
    if task == "mmstar":
        from lmms_eval.tasks.mmstar.utils import mmstar_aggregate_results, mmstar_process_results

        return float(mmstar_aggregate_results([mmstar_process_results(doc, [text])["average"]]))
    if task == "mmmu_val":
        from lmms_eval.tasks.mmmu.utils import mmmu_aggregate_results, mmmu_process_results

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(random, "choice", lambda _: "")
            return float(mmmu_aggregate_results([mmmu_process_results(doc, [text])["mmmu_acc"]]))
    from lmms_eval.tasks.blink.utils import blink_aggregate_results, blink_process_results

    return float(blink_aggregate_results([blink_process_results(doc, [text])["blink_acc"]]))


@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("task", [task for task in TASKS if task != "mathvista"])
def test_the_score_is_that_of_lmms_evals_own_task(items: dict[str, Item], task: str, answer: str) -> None:
    pytest.importorskip("lmms_eval")
    chosen = [item for item in items.values() if item.task == task]
    for item, doc in zip(chosen, all_rows(task), strict=True):
        # Of several true answers they compare with the list as it is written out, which nothing can match.
        asked = doc | {"answer": list(item.answers)} if item.kind == "open" else doc
        assert BENCH.score(item, answer).values["accuracy"] == their_score(task, asked, answer), item.index


@pytest.mark.parametrize(
    ("answer", "right"),
    [("B", True), ("(B)", True), ("a kite", True), ("a bus", False), ("(A) a bus", False), ("C", False)],
)
def test_an_option_of_mathvista_is_read_as_lmms_eval_reads_it(items: dict[str, Item], answer: str, right: bool) -> None:
    pytest.importorskip("Levenshtein")
    item = items["mathvista/4"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENAI_API_KEY", os.environ.get("OPENAI_API_KEY", "none"))
        from lmms_eval.tasks.mathvista.mathvista_evals import MathVistaEvaluator
    read = MathVistaEvaluator().normalize_extracted_answer(answer, list(item.options), "multi_choice", "text", 0)
    assert (read == "a kite") is right
    assert BENCH.score(item, answer).values["accuracy"] == float(right)


def test_right_answers_score_100_and_by_group_too(items: dict[str, Item]) -> None:
    for protocol in ("official", "strict", "authors"):
        answers = {index: f"<think>A?</think>{right_answer(item)}" for index, item in items.items()}
        summary = summarise(BENCH, items, score_responses(BENCH, items, answers, protocol=protocol), protocol=protocol)
        assert summary["macro"] == {"accuracy": 100, "accuracy_by_group": 100}
        assert summary["diagnostics"]["macro"]["unreadable"]["value"] == 0
        assert set(summary["tasks"]["blink"]["groups"]) == {
            item.group for item in items.values() if item.task == "blink"
        }


def test_a_mean_by_group_weighs_the_groups_alike(items: dict[str, Item]) -> None:
    answers = {index: right_answer(item) if item.group == "geometry" else "none" for index, item in items.items()}
    row = BENCH.table(score_responses(BENCH, items, answers))["tasks"]["mmstar"]
    assert (row["accuracy"], row["accuracy_by_group"]) == (pytest.approx(100 / 3), 50)


@pytest.mark.parametrize(
    ("response", "official", "strict", "one_rule"),
    [
        ("(B)", 0, 0, 1),
        ("<answer>B</answer>", 0, 1, 1),
        ("<think>x</think><answer>B</answer>", 0, 1, 1),
        ("<think>x</think> B", 1, 1, 1),
        ("<think>B", 0, 0, 0),
    ],
)
def test_what_the_tasks_own_rule_cannot_read_is_told_beside_it(
    items: dict[str, Item], response: str, official: float, strict: float, one_rule: float
) -> None:
    item = items["muirbench/1"]
    values = BENCH.score(item, response).values
    assert (values["accuracy"], values["accuracy_one_rule"]) == (official, one_rule)
    assert BENCH.score(item, response, protocol="strict").values["accuracy"] == strict


@pytest.mark.parametrize(
    "text", ["", "x" * 1_000_000, "\ud800", "[" * 1000, "9" * 5000, "nan", "[nan, 1e999]", "-1e400"]
)
def test_scoring_never_raises(items: dict[str, Item], text: str) -> None:
    for item in items.values():
        for protocol in BENCH.protocols:
            assert BENCH.score(item, text, protocol=protocol).values["accuracy"] in (0, 1)


def test_floors_answer_every_question(items: dict[str, Item]) -> None:
    for name in BENCH.floors:
        assert 0 <= floor_table(BENCH, items, list(items), name)["macro"]["accuracy"] < 100
        unread = [index for index, item in items.items() if BENCH.score(item, BENCH.floor_response(name, item)).note]
        assert not unread


def test_what_is_prepared_stays_until_another_revision_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CGC_CACHE", str(tmp_path / "cache"))
    first = prepare_transfer("mmstar", source=repository(tmp_path, "mmstar"), revision="v1")
    assert first.version.startswith("v1 (sha256 ")
    assert prepare_transfer("mmstar") == first
    assert prepare_transfer("mmstar", revision="v1") == first
    with pytest.raises(PrepareError, match=r"Lin-Chen/MMStar cannot be read .*pass it to .* with --from"):
        prepare_transfer("mmstar", revision="v2")
    assert prepare_transfer("mmstar") == first, "a failed preparation loses nothing"


FAULTY: list[tuple[str, dict[str | None, list[dict[str, Any]]], str]] = [
    ("mmstar", {None: []}, "no questions|cannot be read"),
    (
        "mmstar",
        {None: [{k: v for k, v in mmstar(1, "A").items() if k != "l2_category"}]},
        "row does not match Lin-Chen",
    ),
    (
        "muirbench",
        {None: [muirbench("7", "A", image_list=[image(1), None])]},
        "question 7: one of its images is missing from the dataset",
    ),
    (
        "mathvista",
        {None: [mathvista("7", "1", decoded_image={"bytes": b"\xff\xd8broken", "path": None})]},
        "7: not a whole",
    ),
    ("blink", {"Jigsaw": [blink("1", "(A)", "Jigsaw")]}, "cannot be read .*pass it to .* with --from"),
    (
        "mmmu_val",
        {None: [mmmu("Art_1", "B", image_3=None)]},
        "validation_Art_1: one of its images is missing from the dataset",
    ),
]


@pytest.mark.parametrize(("task", "given", "message"), FAULTY, ids=[row[2] for row in FAULTY])
def test_faulty_data_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, task: str, given: Any, message: str
) -> None:
    monkeypatch.setenv("CGC_CACHE", str(tmp_path / "cache"))
    root = repository(tmp_path, task, given) if given[next(iter(given))] else tmp_path
    with pytest.raises(PrepareError, match=message) as raised:
        prepare_transfer(task, source=root)
    assert "\n" not in str(raised.value)
    assert open_prepared(prepared_folder("transfer", task)) is None


def test_a_question_whose_answer_is_no_option_stays_in_and_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CGC_CACHE", str(tmp_path / "cache"))
    odd = mathvista("5", "a boat", "text", question_type="multi_choice", choices=["a bus", "a kite"])
    root = repository(tmp_path, "mathvista", {None: [mathvista("1", "2", choices=["1"], precision=1.0, unit="m"), odd]})
    done = CliRunner().invoke(cli, ["prepare", "mathvista", "--from", str(root)], catch_exceptions=False)
    assert "2 items" in done.output
    assert "1 with unusual annotations still count: the answer is not one of the options (mathvista/5)" in done.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["mathvista", "--annotations", "revised"], "mathvista does not take --annotations"),
        (
            ["mathvista", "--from", "nowhere"],
            "nowhere: no such folder; name a copy of the repository AI4Math/MathVista",
        ),
        (["mathvist"], "choose from mig, vlm2, mathvista, muirbench, mmstar, mmmu_val, blink"),
    ],
)
def test_wrong_options_are_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    monkeypatch.setenv("CGC_CACHE", str(tmp_path / "cache"))
    with pytest.raises(PrepareError, match=message):
        CliRunner().invoke(cli, ["prepare", *arguments], catch_exceptions=False)


@pytest.mark.parametrize("line", [b"\xff", b"{", b"[]", b'{"index": "1"}'])
def test_a_damaged_question_file_is_one_line(tmp_path: Path, line: bytes) -> None:
    file = tmp_path / "questions.jsonl"
    file.write_bytes(line)
    with pytest.raises(AnnotationError, match=r"line 1: not a question .* prepare it again"):
        BENCH.read_items(file)
    with pytest.raises(AnnotationError, match="cannot read"):
        BENCH.read_items(tmp_path / "gone.jsonl")
    file.unlink()
    with pytest.raises(AnnotationError, match="cgc-bench prepare"):
        BENCH.read_items(tmp_path)


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(Item)])
@pytest.mark.parametrize("value", [None, 1.5, {}, [[]], "\ud800"])
def test_a_question_with_a_value_of_another_type_is_one_line(
    items: dict[str, Item], tmp_path: Path, field: str, value: Any
) -> None:
    row = dataclasses.asdict(items["mmstar/1"]) | {field: value}
    (tmp_path / "questions.jsonl").write_text(json.dumps(row))
    with pytest.raises(AnnotationError, match="line 1: not a question"):
        BENCH.read_items(tmp_path)
