"""Prompt profiles: one setting chooses whose words, tokens, pixels, and rule of reading a task has."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("lmms_eval")

from cgc_bench.errors import TaskError
from cgc_bench.lmms import chosen, discovery, tasks
from cgc_bench.mig.benchmark import BENCHMARK as MIG
from cgc_bench.mig.official import read_box
from cgc_bench.scoring.benchmark import benchmark
from cgc_bench.transfer import BENCHMARK as TRANSFER
from cgc_bench.transfer.foreign import authors_option, vlmevalkit_judges, vlmevalkit_option
from cgc_bench.transfer.items import Item, read_items
from cgc_bench.transfer.prepare import prepare_transfer
from cgc_bench.transfer.texts import separated
from tests.cgc_bench.mig_rows import item as mig_item
from tests.cgc_bench.official_files import mig_folder, prepare
from tests.cgc_bench.transfer_rows import all_rows, mmstar, repository

TASKS = ("mathvista", "muirbench", "mmstar", "mmmu_val", "blink")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cache with MIG-Bench and the transfer tasks prepared."""
    folder = tmp_path_factory.mktemp("profiles")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CGC_CACHE", str(folder / "cache"))
        patch.setenv("HF_DATASETS_CACHE", str(folder / "datasets"))
        root, annotations = mig_folder(folder)
        prepare("mig", source=root, annotations=annotations)
        for task in TASKS:
            prepare_transfer(task, source=repository(folder, task))
        yield folder


@pytest.fixture(scope="module")
def items(place: Path) -> dict[str, Item]:
    return {index: item for task in TASKS for index, item in read_items(prepare_transfer(task).annotations).items()}


def request_of(task: str) -> dict[str, str]:
    return chosen._requests()[task]


def document(task: str) -> dict[str, Any]:
    first: dict[str, Any] = tasks.documents([request_of(task)])[0]
    return first


MIG_FORMS = {
    "authors": "Format:<|box_start|>(x1,y1),(x2,y2)<|box_start|>. Don't generate addtional words.",
    "univg-r1": "Format:<|box_start|>(x1,y1),(x2,y2)<|box_end|>. Don't generate addtional words.",
    "univg-r1-think": " First output the thinking process in <think> </think> tags and then output the bounding box in "
    "<answer> </answer> tags.",
}


@pytest.mark.parametrize("profile", MIG_FORMS)
def test_mig_is_asked_literally_as_each_script_asks(profile: str) -> None:
    asked = mig_item(question="Where? ")
    assert MIG.prompt(asked, "official", profile) == f"Where? {MIG_FORMS[profile]}"


# Setting, task, then its profile, new tokens, pixel limit, and protocol.
CHOSEN = [
    ("", "cgc_mig_diff", "univg-r1", 256, 401_408, "official"),
    ("", "cgc_mig_original_diff", "authors", 128, None, "official"),
    ("authors", "cgc_mig_diff", "authors", 128, None, "official"),
    ("univg-r1-think", "cgc_mig_original_diff", "univg-r1-think", 256, 401_408, "official"),
    ("vlmevalkit", "cgc_mig_diff", "univg-r1", 256, 401_408, "official"),
    ("vlmevalkit, authors", "cgc_mig_diff", "authors", 128, None, "official"),
    ("authors", "cgc_mig_think_diff", "cgc", 2048, None, "strict"),
    ("", "cgc_transfer_muirbench", "lmms-eval", 16, None, "official"),
    ("lmms-eval-default", "cgc_transfer_mmstar", "lmms-eval-default", 128, None, "official"),
    ("vlmevalkit,authors", "cgc_transfer_mmstar", "vlmevalkit", 16_384, None, "vlmevalkit"),
    ("authors", "cgc_transfer_blink", "authors", 1024, None, "authors"),
    ("vlmevalkit", "cgc_transfer_think_mmstar", "cgc", 2048, None, "strict"),
    ("vlmevalkit", "cgc_vlm2_oc_cnt", "authors", 2048, None, "official"),
    ("vlmevalkit", "cgc_contrast_inter", "cgc", 1024, None, "official"),
]


@pytest.mark.parametrize(("setting", "task", "name", "tokens", "pixels", "protocol"), CHOSEN)
def test_one_setting_chooses(
    monkeypatch: pytest.MonkeyPatch, setting: str, task: str, name: str, tokens: int, pixels: int | None, protocol: str
) -> None:
    monkeypatch.setenv("CGC_BENCH_PROFILE", setting)
    profile = chosen.chosen(request_of(task))
    assert (profile.name, profile.max_pixels, profile.protocol) == (name, pixels, protocol)
    assert getattr(chosen, task)["max_new_tokens"] == tokens
    assert profile.protocol in benchmark(request_of(task)["benchmark"]).protocols


def test_a_profile_that_does_not_exist_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CGC_BENCH_PROFILE", "authors,qwen")
    with pytest.raises(TaskError, match=r"no profile 'qwen'; choose from authors, cgc, lmms-eval, .*, vlmevalkit"):
        chosen.chosen(request_of("cgc_mig_diff"))


def test_a_document_states_its_profile_and_is_scored_by_its_rule(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CGC_BENCH_PROFILE", "vlmevalkit,univg-r1-think")
    doc = document("cgc_mig_diff")
    assert (doc["cgc_profile"], doc["cgc_max_pixels"]) == ("univg-r1-think", 401_408)
    assert tasks.text(doc).endswith(MIG_FORMS["univg-r1-think"])
    doc = document("cgc_transfer_mmstar")
    scored = tasks.score(doc, ["The correct answer is **A**, since it shows what was asked for."])
    assert (scored["cgc_profile"], scored["cgc_protocol"]) == ("vlmevalkit", "vlmevalkit")
    assert scored["accuracy"].result.note == ""
    monkeypatch.setenv("CGC_BENCH_MAX_PIXELS", "2048")
    assert document("cgc_mig_diff")["cgc_max_pixels"] == 2048


def test_another_profile_has_other_prompts_in_its_digest(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    digests = set()
    for name in ("lmms-eval", "vlmevalkit", "authors"):
        monkeypatch.setenv("CGC_BENCH_PROFILE", name)
        digests.add(document("cgc_transfer_mmmu_val")["cgc_prompt_sha256"])
    assert len(digests) == 3


def manager(model: str) -> None:
    from lmms_eval.tasks import TaskManager

    discovery.add_tasks()
    TaskManager(include_defaults=False, include_path=str(discovery.tasks_folder()), model_name=model)


def test_the_model_that_lmms_eval_asks_has_its_own_words(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discovery, "_models", [])
    assert chosen.chosen(request_of("cgc_transfer_mmstar")).name == "lmms-eval"
    manager("qwen3_vl")
    doc = document("cgc_transfer_mmstar")
    assert doc["cgc_profile"] == "lmms-eval:qwen3_vl"
    assert tasks.text(doc).startswith("Question: ")
    assert document("cgc_transfer_muirbench")["cgc_profile"] == "lmms-eval"
    manager("vllm")
    assert document("cgc_transfer_mmstar")["cgc_profile"] == "lmms-eval"
    manager("neo_ov")
    with pytest.raises(TaskError, match="lmms-eval has a special prompt of blink for neo_ov, which is not supported"):
        chosen.chosen(request_of("cgc_transfer_blink"))


def test_words_for_qwen3_vl_are_those_of_lmms_evals_own_tasks(items: dict[str, Item]) -> None:
    import yaml
    from lmms_eval.tasks.mmmu.utils import mmmu_doc_to_text
    from lmms_eval.tasks.mmstar import utils

    template = (Path(utils.__file__).parent / "_default_template_yaml").read_text(encoding="utf-8")
    given = yaml.safe_load(template.replace("!function ", ""))["lmms_eval_specific_kwargs"]["qwen3_vl"]
    own = [TRANSFER.prompt(item, "official", "lmms-eval:qwen3_vl") for item in of(items, "mmstar")]
    assert own == [utils.mmstar_doc_to_text(doc, given) for doc in all_rows("mmstar")]
    file = Path(utils.__file__).parents[1] / "mmmu" / "mmmu_val.yaml"
    content = file.read_text(encoding="utf-8").replace("!function ", "")
    given = yaml.safe_load(content)["lmms_eval_specific_kwargs"]["qwen3_vl"]
    own = [TRANSFER.prompt(item, "official", "lmms-eval:qwen3_vl") for item in of(items, "mmmu_val")]
    assert own == [mmmu_doc_to_text(doc, given) for doc in all_rows("mmmu_val")]


def of(items: dict[str, Item], task: str) -> list[Item]:
    return [item for item in items.values() if item.task == task]


def test_images_and_words_of_mmmu_stand_as_in_lmms_evals_chat(
    items: dict[str, Item], monkeypatch: pytest.MonkeyPatch
) -> None:
    from lmms_eval.tasks.mmmu import utils

    given = {
        "prompt_type": "format",
        "multiple_choice_prompt": "Answer with the option's letter from the given choices directly.",
        "open_ended_prompt": "Answer the question using a single word or phrase.",
    }
    monkeypatch.setattr(utils, "mmmu_doc_to_visual", lambda doc: list(range(len(asked[doc["id"]].images))))
    asked = {item.index.partition("/")[2]: item for item in of(items, "mmmu_val")}
    for doc in all_rows("mmmu_val"):
        (theirs,) = utils.mmmu_doc_to_messages(doc, given)
        ours = TRANSFER.asked(asked[doc["id"]])[0]["content"]
        assert [part.get("url", part.get("text")) for part in theirs["content"]] == [
            part["place"] if part["type"] == "image" else part["text"] for part in ours
        ]


@pytest.mark.parametrize("task", ["muirbench", "mmstar", "mathvista", "blink"])
def test_lmms_eval_and_vlmevalkit_have_the_images_first(items: dict[str, Item], task: str) -> None:
    for item in of(items, task):
        for profile in ("lmms-eval", "vlmevalkit"):
            (message,) = TRANSFER.asked(item, "official", profile)
            *images, words = message["content"]
            assert [part["place"] for part in images] == list(range(len(item.images)))
            assert words == {"type": "text", "text": TRANSFER.prompt(item, "official", profile)}


TEXTS = {
    ("vlmevalkit", "mmstar/1"): "Question: What is on the left?\nOptions:\nA. a cat\nB. a dog\nC. a bus\nD. a kite\n"
    "Answer with the option letter only.",
    ("vlmevalkit", "muirbench/1"): "Question: Which image differs from <image>?\nOptions:\nA. <image>\nB. <image>\n"
    "C. None of the choices\nAnswer with the option letter only.",
    ("authors", "muirbench/1"): "Question: Which image differs from <image>?\nChoices:\n(A) <image>\n(B) <image>\n"
    "(C) None of the choices\nHint: Please provide the correct option letter, such as A, B, C, D, directly.\nAnswer:",
    ("authors", "mmstar/1"): "What is on the left?\nA. a cat\nB. a dog\nC. a bus\nD. a kite\n"
    "Answer with the option's letter from the given choices directly.",
    ("authors", "mmmu_val/validation_Art_1"): "Which of <image 2> and <image 1> is larger?\n(A) the first\n"
    "(B) the second's edge\n(C) <image 3>\n\nAnswer with the option's letter from the given choices directly.",
    ("vlmevalkit", "mmmu_val/validation_Art_1"): "Question: Which of <image 2> and <image 1> is larger?\nOptions:\n"
    "A. the first\nB. the second's edge\nC. <image 3>\nPlease select the correct answer from the options above.",
}


@pytest.mark.parametrize(("profile", "index"), TEXTS)
def test_words_of_other_harnesses(items: dict[str, Item], profile: str, index: str) -> None:
    assert TRANSFER.prompt(items[index], "official", profile) == TEXTS[profile, index]


def test_mathvista_is_asked_for_the_value_at_the_end(items: dict[str, Item]) -> None:
    for item in of(items, "mathvista"):
        ours, theirs = (TRANSFER.prompt(item, "official", profile) for profile in ("authors", "vlmevalkit"))
        assert ours.endswith("at the end.\nSolution:")
        assert theirs.startswith("Hint: Please answer the question")
        assert "\nQuestion: " in theirs


def test_options_that_cannot_be_told_apart_stay_in_the_question(items: dict[str, Item]) -> None:
    from dataclasses import replace

    odd = replace(items["mmstar/1"], question="Which? Options: A: 1, B: 2")
    assert separated(odd) == (odd.question, ())
    assert TRANSFER.prompt(odd, "official", "vlmevalkit") == f"Question: {odd.question}"


WORDS = {"A": "a red bus", "B": "A kite", "C": "two dogs", "D": "none of these"}
# Response, then what VLMEvalKit infers without its language model.
INFERRED = {
    "B": "B",
    "(B)": "B",
    "Answer: B.": "B",
    "**B**": "B",
    "The correct answer is **B**. Here is why: it shows a kite that flies": "B",
    r"\boxed{B}": "B",
    r"\boxed{\text{B}}": "B",
    "B is right because it shows what was asked for": None,
    "A or B": None,
    "a kite": "B",
    "It shows two dogs.": "C",
    "A man holds a kite": "B",
    "A man holds it": "A",
    "Z": None,
    "Cannot determine the answer B": None,
    "": None,
}


@pytest.mark.parametrize("response", INFERRED)
def test_an_option_is_inferred_as_vlmevalkit_does(response: str) -> None:
    assert vlmevalkit_option(response, WORDS) == INFERRED[response]


def test_vlmevalkit_leaves_other_answers_than_options_to_its_language_model(items: dict[str, Item]) -> None:
    number = next(item for item in of(items, "mathvista") if item.kind == "integer")
    assert vlmevalkit_judges(number, number.answers[0]) == (True, True)
    assert vlmevalkit_judges(number, f"It is {number.answers[0]}.") == (False, False)
    open_ = next(item for item in of(items, "mmmu_val") if item.kind == "open")
    assert vlmevalkit_judges(open_, open_.answers[0]) == (True, True)
    assert vlmevalkit_judges(open_, "A") == (True, True), "the true answer is option A there"
    listed = next(item for item in of(items, "mathvista") if item.kind == "list")
    assert vlmevalkit_judges(listed, listed.answers[0]) == (False, False)


# Task, response, then what its authors' rule reads.
AUTHORS = [
    ("mmstar", "B", "B"),
    ("mmstar", "b. a dog", "B"),
    ("mmstar", "(c)", "C"),
    ("mmstar", "Option D", "D"),
    ("mmstar", "The answer is A.", "A"),
    ("mmstar", "Because of this", "B"),
    ("mmstar", "**B**", None),
    ("blink", "B", "B"),
    ("blink", "(B)", "B"),
    ("blink", "B.", None),
    ("blink", "It is (A) since it is left", "A"),
    ("blink", "(A) or (B)\n\nI take (B) then", "B"),
    ("blink", "(A) or (B) then", None),
    ("muirbench", "(B)", "B"),
    ("muirbench", "B. the second", None),
    ("muirbench", "I take B here", "B"),
]


@pytest.mark.parametrize(("task", "response", "read"), AUTHORS)
def test_an_option_is_read_as_its_authors_read_it(
    items: dict[str, Item], task: str, response: str, read: str | None
) -> None:
    assert authors_option(of(items, task)[0], response) == read


def test_the_original_script_takes_1_by_the_number_of_boxes() -> None:
    assert read_box("[0.0, 0.5, 1.0, 0.9]", 1).box == (0, 0.5, 0.001, 0.9)
    assert read_box("[0.0, 0.5, 1.0, 0.9] or [0.1, 0.1, 0.2, 0.2]", 1).box == (0, 0.5, 1, 0.9)
    assert read_box("(1,2),(3,4)", 1).box == (0.001, 0.002, 0.003, 0.004)
    assert read_box("(1,2),(3,4) (5,6),(7,8)", 1).box == (1, 0.002, 0.003, 0.004)
    assert read_box("(1,2),(3,4) (5,6),(7,8)", 1000).box == (1, 2, 3, 4)


def test_the_page_has_what_the_script_writes(real_data: Path) -> None:
    from scripts.comparability import PAGE, tables

    page = PAGE.read_text(encoding="utf-8")
    for name, content in tables(real_data / "mig_bench").items():
        assert f"<!-- {name} -->\n{content}<!-- end -->" in page, f"run scripts/comparability.py ({name})"


def test_mmstar_rows_are_as_the_hub_has_them() -> None:
    assert "Options: A: " in mmstar(1, "A")["question"]
