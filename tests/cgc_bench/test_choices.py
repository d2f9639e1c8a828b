"""Which option an answer names: our rules against those of lmms-eval's own tasks, on a table and on any text."""

import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("lmms_eval")

from lmms_eval.tasks._task_utils.mcq_extract import extract_mcq_answer
from lmms_eval.tasks._task_utils.mmmu_mcq_utils import get_multi_choice_info, parse_mmmu_multi_choice_response
from lmms_eval.tasks.blink.utils import blink_process_results
from lmms_eval.tasks.muirbench.utils import MultiChoiceRegexFilter, muir_aggregation, muir_process_results

from cgc_bench.transfer.choices import leading_option, listed_option, ranked_option, stated_option
from tests.timing import fewest_seconds

LETTERS = ("A", "B", "C", "D")
OPTIONS = ("a red bus", "a kite", "two dogs", "none of these")
# Response, then what leading (MuirBench), ranked (MMStar), stated (BLINK) and listed (MMMU) read.
TABLE: list[tuple[str, str, str, str, str]] = [
    ("A", "A", "A", "A", "A"),
    ("b", "B", "", "B", ""),
    ("B.", "B", "B", "B", "B"),
    (" C. ", "C", "C", "C", "C"),
    ("(D)", "", "D", "D", "D"),
    ("D)", "", "D", "D", ""),
    ("D:", "", "D", "D", "D"),
    ("C\n", "C", "C", "C", ""),
    ("A. a red bus", "A", "A", "A", "A"),
    ("A: a red bus", "", "A", "A", ""),
    ("A a red bus", "", "A", "A", "A"),
    ("B, since it flies", "", "B", "B", ""),
    ("The answer is B.", "", "B", "B", "B"),
    ("The answer is (B).", "", "B", "B", "B"),
    ("the answer is b", "", "", "B", ""),
    ("The correct answer is (C) two dogs.", "", "C", "C", "C"),
    ("Answer: D", "", "D", "D", "D"),
    ("Answer - C", "", "C", "C", "C"),
    ("answer:B", "", "B", "B", "B"),
    ("My choice is C because it shows dogs", "", "C", "", "C"),
    ("I choose B, not A", "", "A", "", "A"),
    ("It is not (A). It is (C).", "", "C", "C", "C"),
    ("(A) is wrong, so (B)", "", "B", "B", "B"),
    ("The answer is B because A is no kite", "", "A", "B", "A"),
    ("Both A and B fit, so the answer is D", "", "D", "D", "D"),
    ("The option is C. It has two dogs.", "", "C", "", "C"),
    ("In the picture there is a kite in the sky", "", "", "", "B"),
    ("There are two dogs beside a red bus here", "", "", "", "A"),
    ("a kite", "", "", "A", ""),
    ("Dogs are shown", "", "D", "D", ""),
    ("Because of the sky", "", "B", "B", ""),
    ("none", "", "", "", ""),
    ("", "", "", "", ""),
    ("   ", "", "", "", ""),
    ("?!.,", "", "", "", ""),
    ("E", "", "", "", ""),
    ("(E)", "", "", "", ""),
    ("AB", "", "B", "A", "B"),
    ("A and B", "", "A", "A", "B"),
    ("**B**", "", "B", "", ""),
    ("**Answer: B**", "", "B", "B", ""),
    ("<answer>B</answer>", "", "B", "", ""),
    ("<answer>(B)</answer>", "", "B", "B", "B"),
    ("\\boxed{C}", "", "C", "", ""),
    ("答案是B", "", "B", "", "B"),
    ("The answers are A", "", "A", "", "A"),
    ("'A'", "", "A", "", "A"),
    ('"A"', "", "A", "", ""),
    ("A.\nThe bus is red.", "A", "A", "A", "A"),
    ("(A)\n(B)", "", "B", "A", "B"),
    ("I would go for option (A) or (D), finally (A)", "", "A", "A", "A"),
    ("Option D) fits", "", "D", "", ""),
]


def their_leading(text: str) -> str:
    (read,) = MultiChoiceRegexFilter().apply([[text]], [{}])
    doc = {"task": "t", "idx": "1", "image_relation": "", "image_type": ""}
    for letter in LETTERS:
        scored = muir_process_results(doc | {"answer": letter}, [read])["muirbench_score_overall"]
        if muir_aggregation([scored]) == 1:
            return letter
    return ""


def their_ranked(text: str) -> str:
    return str(extract_mcq_answer(text, choices=list(LETTERS)))


def their_stated(text: str) -> str:
    doc = {"answer": "(A)", "choices": list(OPTIONS), "idx": "1", "sub_task": "t"}
    return str(blink_process_results(doc, [text])["blink_acc"]["pred_parsed"])


def their_listed(text: str) -> str:
    by_letter, letters = get_multi_choice_info(list(OPTIONS))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(random, "choice", lambda _: "")  # where nothing is found they draw
        return str(parse_mmmu_multi_choice_response(text, letters, by_letter))


def ours(rule: Callable[..., str | None], *more: Any) -> Callable[[str], str]:
    return lambda text: rule(text, LETTERS, *more) or ""


RULES = {
    "leading": (ours(leading_option), their_leading),
    "ranked": (ours(ranked_option), their_ranked),
    "stated": (ours(stated_option), their_stated),
    "listed": (ours(listed_option, OPTIONS), their_listed),
}


@pytest.mark.parametrize("place", range(4), ids=RULES)
@pytest.mark.parametrize("row", TABLE, ids=lambda row: repr(row[0]))
def test_the_table_is_read_as_lmms_eval_reads_it(row: tuple[str, ...], place: int) -> None:
    read, theirs = list(RULES.values())[place]
    assert (read(row[0]), theirs(row[0])) == (row[place + 1], row[place + 1])


PIECES = (
    *(
        "A",
        "B",
        "C",
        "D",
        "a",
        "b",
        "(A)",
        "(b)",
        "(C)",
        "B.",
        "D:",
        "C)",
        " ",
        "  ",
        "\n",
        ".",
        ",",
        ":",
        "-",
        "!",
        '"',
    ),
    *("answer", "Answer is", "answers", "the answer is", "The best option is", "I choose", "correct choice is", "选"),
    *("a kite", "A red bus", "two dogs", "because", "İ", "\u017f", "\u212a", "<answer>", "x" * 5),
)
texts = st.one_of(st.text(max_size=30), st.lists(st.sampled_from(PIECES), max_size=14).map("".join))


@pytest.mark.parametrize("rule", RULES)
@settings(max_examples=400)
@given(text=texts)
def test_any_text_is_read_as_lmms_eval_reads_it(rule: str, text: str) -> None:
    read, theirs = RULES[rule]
    assert read(text) == theirs(text)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(
    "text", ["A" * 1_000_000, "answer " * 140_000, "answer" + " " * 1_000_000, "(" * 1_000_000, "(A" * 500_000]
)
def test_a_megabyte_is_read_in_bounded_time(rule: str, text: str) -> None:
    assert fewest_seconds(lambda: RULES[rule][0](text), tries=2) < 2


def test_no_options_name_nothing() -> None:
    assert stated_option("A", ()) is None
    assert ranked_option("A", ()) is None
    assert leading_option("A", ()) is None
    assert listed_option("A is it, as you can see", (), ()) is None
