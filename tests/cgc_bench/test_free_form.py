"""Words, numbers and lists as answers: MMMU's rule against lmms-eval's, and MathVista's where no judge is asked."""

import os
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("lmms_eval")

from lmms_eval.tasks.mmmu.utils import eval_open, parse_open_response

from cgc_bench.transfer.free_form import open_matches, read_float, read_integer, read_list
from tests.timing import fewest_seconds

OPEN = [
    ("14", "14", True),
    ("The answer is 14.", "14", True),
    ("14.0", "14", True),
    ("It is 1,234 in all", "1234", True),
    ("1.5e3", "1500", True),
    ("x = 3.14159", "3.14", True),
    ("so the result is -2", "-2", True),
    ("so the result is -2", "2", False),
    ("= 7", "7", True),
    ("a = 1\nb = 2\nc = 3", "3", True),
    ("The colour is Red", "red", True),
    ("red", "Red", True),
    ("It could be blue or red", "red", True),
    ("d", "d", True),
    ("d is it", "d", False),
    ("abcd", "d", False),
    ("", "14", False),
    (".", "14", False),
    ("therefore :\nthus 5", "5", True),
    ("around 1,2,3", "2", False),
    ("nan", "nan", False),
    ("1e999", "inf", True),
    ("Final answer 0.25", ".25", True),
    ("5-3", "-3", True),
]


@pytest.mark.parametrize(("answer", "truth", "right"), OPEN, ids=[f"{row[0]!r}-{row[1]!r}" for row in OPEN])
def test_open_questions_are_read_as_lmms_eval_reads_them(answer: str, truth: str, right: bool) -> None:
    assert open_matches(answer, [truth]) is right
    assert bool(eval_open(truth, parse_open_response(answer))) is right


PIECES = (
    *("1", "12", "1,234", "3.5", ".5", "-2", "1e3", "-1.5E-2", "12345678901234567890", "1,2", "7.", "0.250", "5-3"),
    *(
        "so ",
        "is ",
        "could be ",
        "thus ",
        "therefore ",
        "final ",
        "answer ",
        "result ",
        "=",
        " = ",
        "\n",
        " ",
        ". ",
        ".",
    ),
    *("red", "d", "The Red", "x", ":", ",", "!", "?", "'", "inf", "nan", "1_0", "²", "٣", "e5", "A. B"),
)
texts = st.one_of(st.text(max_size=20), st.lists(st.sampled_from(PIECES), max_size=10).map("".join))


@settings(max_examples=1500)
@given(texts, texts)
def test_any_open_answer_is_read_as_lmms_eval_reads_it(answer: str, truth: str) -> None:
    assert open_matches(answer, [truth]) is bool(eval_open(truth, parse_open_response(answer)))


@pytest.mark.parametrize(
    "text", ["9" * 1_000_000, "1," * 500_000, "1.5e" * 250_000, "so is " * 160_000, "= \n" * 300_000]
)
def test_a_megabyte_is_read_in_bounded_time(text: str) -> None:
    assert fewest_seconds(lambda: open_matches(text, ["14"]), tries=2) < 4
    assert fewest_seconds(lambda: (read_integer(text), read_list(text)), tries=2) < 2


@pytest.mark.parametrize(
    ("answer", "integer", "two_decimals"),
    [
        ("14", "14", "14.0"),
        ("14.0", "14", "14.0"),
        ("The answer is 14 marks", "14", "14.0"),
        ("3 and 4 make 7", "7", "7.0"),
        ("Answer: 12, as 3 x 4 = 12.5 - 0.5", "12", "12.0"),
        ("$1,450.678", "1450", "1450.68"),
        ("\\boxed{-3.256} is it, 4 is not", "-3", "-3.26"),
        ("1.5e2", "150", "150.0"),
        ("none", None, None),
        ("", None, None),
        ("9" * 400, None, None),
    ],
)
def test_the_concluding_number_is_read(answer: str, integer: str | None, two_decimals: str | None) -> None:
    assert (read_integer(answer), read_float(answer, 2)) == (integer, two_decimals)


@pytest.mark.parametrize(
    ("answer", "values"),
    [
        ("[2007, 2008]", [2007, 2008]),
        ("between the years [1999] and then [2007,2008].", [2007, 2008]),
        ("[1.5, 2]", [1.5, 2]),
        ("2007 and 2008", None),
        ("[a, b]", None),
        ("[", None),
        ("", None),
    ],
)
def test_the_last_list_is_read(answer: str, values: Any) -> None:
    assert read_list(answer) == values


@pytest.fixture(scope="module")
def mathvista() -> Any:
    """The evaluator of lmms-eval's own task; it loads with a key set, and is asked only what needs no judge."""
    pytest.importorskip("Levenshtein")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENAI_API_KEY", os.environ.get("OPENAI_API_KEY", "none"))
        from lmms_eval.tasks.mathvista.mathvista_evals import MathVistaEvaluator

        yield MathVistaEvaluator()


WHOLE, PARTS = ["14", " 14 ", "-3", "0", "1000000"], ["1.25", "2.5", "1.255", "12.0"]


@pytest.mark.parametrize(
    ("answer", "kind", "decimals"),
    [(n, "integer", 0) for n in WHOLE] + [(n, "float", places) for n in WHOLE + PARTS for places in (1, 2)],
)
def test_a_bare_number_is_read_as_lmms_eval_reads_it(mathvista: Any, answer: str, kind: str, decimals: int) -> None:
    problem = {"question_type": "free_form", "answer_type": kind, "choices": [], "query": ""}
    extracted = mathvista.extract_answer(answer.strip(), problem)
    theirs = mathvista.normalize_extracted_answer(extracted, [], "free_form", kind, decimals)
    assert (read_integer(answer) if kind == "integer" else read_float(answer, decimals)) == theirs
