"""The authors' rules for one answer, on hand-written answers that cover every branch; values worked out by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cgc_bench.vlm2.rules import final_answer, judge_choice, judge_count, judge_pair, judge_statement, read_numbers
from tests.timing import fewest_seconds

# Answer, truth, score, readable. General cue: equality and nothing else.
PAIRS = [
    ("T", "T", 1, True),
    ("F", "F", 1, True),
    ("T", "F", 0, True),
    ("F", "T", 0, True),
    (" T\n", "T", 1, True),
    ("t", "T", 0, False),
    ("True", "T", 0, False),
    ("T.", "T", 0, False),
    ("(T)", "T", 0, False),
    ("The answer is T", "T", 0, False),
    ("T F", "T", 0, False),
    ("", "T", 0, False),
]

# Statements: exactly one of the words t, f, true, false.
STATEMENTS = [
    ("T", "T", 1, True),
    ("f", "F", 1, True),
    ("True", "T", 1, True),
    ("FALSE.", "F", 1, True),
    ("The answer is True, they are the same.", "T", 1, True),
    ("**T**", "T", 1, True),
    ("(F)", "F", 1, True),
    ("False", "T", 0, True),
    ("T", " t ", 1, True),
    ("T or F? T", "T", 0, False),
    ("True. T", "T", 0, False),
    ("Yes", "T", 0, False),
    ("", "F", 0, False),
    ("Truely", "T", 0, False),
    ("T_F", "T", 0, False),
    ("I don't know", "T", 1, True),
    ("I don't think so: false", "F", 0, False),
    ("no, it isn't", "F", 0, True),
]

# Choices: the text before the first ")"; more than one "(X)" is wrong.
CHOICES = [
    ("(A)", "(A)", 1, True),
    ("(A) the first two", "(A)", 1, True),
    ("(A) the first two", "(A) images 1 and 2", 1, True),
    (" (B)\n", "(B)", 1, True),
    ("(B)", "(A)", 0, True),
    ("A", "(A)", 0, True),
    ("A)", "(A)", 0, True),
    ("A)", "A)", 1, True),
    ("A", "A", 1, True),
    ("(a)", "(A)", 0, False),
    ("(A) or (B)", "(A)", 0, False),
    ("(A) (A)", "(A)", 0, False),
    ("The answer is (A)", "(A)", 0, False),
    ("( A )", "(A)", 0, False),
    ("(A) not (b)", "(A)", 1, True),
    ("", "(A)", 0, False),
]

# Counts: answer, truth, length, score (None: excluded from the authors' mean).
COUNTS = [
    ("3", 3, 4, 1.0),
    ("three", 3, 4, 1.0),
    ("There are 3 of them.", 3, 4, 1.0),
    ("Three!", 3, 4, 1.0),
    ("03", 3, 4, 1.0),
    ("-3", 3, 4, 1.0),
    ("3", 2, 4, 1 - 0.5**0.1),
    ("1", 2, 4, 1 - 0.5**0.1),
    ("4", 2, 4, 0.0),
    ("1", 4, 4, 0.0),
    ("2", 1, 4, 1 - (1 / 3) ** 0.1),
    ("1", 2, 2, 0.0),
    ("2", 3, 3, 0.0),
    ("4", 3, 5, 1 - 0.8 * 0.5**0.1),
    ("5", 3, 5, 1 - 0.8),
    ("2", 1, 8, 1 - 0.5 * (1 / 7) ** 0.1),
    ("8", 1, 8, 0.5),
    ("twenty one", 21, 30, 1.0),
    ("twenty-one", 21, 30, 1.0),
    ("one hundred and two", 102, 200, 1.0),
    ("two hundred", 200, 200, 1.0),
    ("hundred", 100, 200, 1.0),
    ("one and two", 3, 4, 1.0),
    ("one or two", 3, 4, 1.0),
    ("1 1", 1, 4, None),
    ("1 or 2", 1, 4, None),
    ("1.5", 1, 4, None),
    ("3 (three)", 3, 4, None),
    ("", 3, 4, None),
    ("many", 3, 4, None),
    ("someone", 1, 4, None),
    ("zero", 1, 4, None),
    ("0", 1, 4, None),
    ("5", 3, 4, None),
    ("thousand", 3, 4, None),
    ("two thousand", 2, 4, None),
    ("two thousand 3", 3, 4, 1.0),
    ("\u0663", 3, 4, 1.0),
    ("\u017fix", 3, 8, None),
    ("99999999999999999999999", 3, 4, None),
]


@pytest.mark.parametrize(("answer", "truth", "score", "readable"), PAIRS)
def test_general_cue(answer: str, truth: str, score: float, readable: bool) -> None:
    verdict = judge_pair(answer, truth)
    assert (verdict.score, verdict.readable) == (score, readable)


@pytest.mark.parametrize(("answer", "truth", "score", "readable"), STATEMENTS)
def test_statement(answer: str, truth: str, score: float, readable: bool) -> None:
    verdict = judge_statement(answer, truth)
    assert (verdict.score, verdict.readable) == (score, readable)


@pytest.mark.parametrize(("answer", "truth", "score", "readable"), CHOICES)
def test_choice(answer: str, truth: str, score: float, readable: bool) -> None:
    verdict = judge_choice(answer, truth)
    assert (verdict.score, verdict.readable) == (score, readable)


@pytest.mark.parametrize(("answer", "truth", "length", "score"), COUNTS)
def test_count(answer: str, truth: int, length: int, score: float | None) -> None:
    verdict = judge_count(answer, truth, length)
    assert verdict.score == (None if score is None else pytest.approx(score))
    assert verdict.readable == (score is not None)


def test_the_tables_are_long_enough() -> None:
    assert len(PAIRS) + len(STATEMENTS) + len(CHOICES) + len(COUNTS) >= 60


def test_chance_of_counting_is_near_the_published_one() -> None:
    """A count drawn from 1..4 for four images: the published chance over all lengths is 34.88."""
    pairs = [(count, truth) for truth in range(1, 5) for count in range(1, 5)]
    mean = sum(judge_count(str(count), truth, 4).score or 0 for count, truth in pairs) / len(pairs)
    assert 0.25 < mean < 0.35


@pytest.mark.parametrize(
    ("response", "answer"),
    [
        ("T", "T"),
        ("<think>T or F, 1 or 2</think>T", "T"),
        ("<think>T or F</think><answer>(A)</answer>", "(A)"),
        ("T or F</think>\n<answer> 3 </answer>", " 3 "),
        ("<think>T", ""),
        ("<answer>T", "T"),
        ("", ""),
    ],
)
def test_the_final_answer_is_what_follows_the_reasoning(response: str, answer: str) -> None:
    assert final_answer(response) == answer


@pytest.mark.parametrize(
    "answer", ["1" * 1_000_000, "one " * 250_000, "(A" * 500_000, "t" * 1_000_000, "(" * 1_000_000, "T " * 500_000]
)
def test_a_megabyte_is_judged_in_bounded_time(answer: str) -> None:
    assert fewest_seconds(lambda: judge_pair(final_answer(answer), "T")) < 1
    assert fewest_seconds(lambda: judge_statement(answer, "T")) < 1
    assert fewest_seconds(lambda: judge_choice(answer, "(A)")) < 1
    assert fewest_seconds(lambda: judge_count(answer, 3, 4)) < 1


@given(st.one_of(st.text(), st.text("tfTF()ABone hundred0123 \u017f\u0663")))
def test_no_answer_raises(answer: str) -> None:
    judge_pair(answer, "T")
    judge_statement(answer, "T")
    judge_choice(answer, "(A)")
    score = judge_count(final_answer(answer), 3, 4).score
    assert score is None or 0 <= score <= 1
    assert all(number >= 0 for number in read_numbers(answer))
