"""One rule that reads the option of a free response, against what a person reads."""

import random

import pytest

from cgc_bench import read_option
from scripts.comparability import HALVES, read_responses
from tests.timing import fewest_seconds

LETTERS = ("A", "B", "C", "D")
# Of each half: most responses that a person reads and the rule does not; options whose words alone are given.
MOST_UNREAD = {"tuned": 4, "held_out": 1}


@pytest.mark.parametrize("half", HALVES)
def test_a_person_reads_the_same(half: str) -> None:
    rows = read_responses(half)
    found = [(row, read_option(row.response, row.letters)) for row in rows]
    assert [row.response for row, letter in found if letter not in (None, row.reads)] == [], "another option"
    assert sum(letter != row.reads for row, letter in found) <= MOST_UNREAD[half]


def test_the_table_is_as_large_and_varied_as_it_should_be() -> None:
    halves = [read_responses(half) for half in HALVES]
    assert len({row.response for rows in halves for row in rows}) > 200
    for rows in halves:
        assert {row.style for row in rows} == {"qwen3-vl", "qwen3.5", "internvl", "gpt"}
        assert {row.reads for row in rows} > {"A", "B", "C", "D", None}


FORMS = {
    r"\boxed{C}": "C",
    r"$\boxed{\text{B}}$": "B",
    r"\[\boxed{\textbf{(A) }30^\circ}\]": "A",
    "**C**": "C",
    "**Answer:** C": "C",
    "The correct answer is **C**.": "C",
    "Option C": "C",
    "option (c)": "C",
    "(C)": "C",
    "There are two dogs in both.\n\nC": "C",
    r"Let us compare (A) and (B) with the others. Thus \boxed{C}": "C",
    "Answer: A\n\nWait, no. Answer: B": "B",
    "Answer: B\n\nA, C and D are wrong.": "B",
    "The answer is B, not C.": "B",
    "It is not B. It's D.": "D",
    "<think>Perhaps A.</think>D": "D",
    "<think>Perhaps A.</think><answer>B. a kite</answer>": "B",
    "option A matches best, whereas option D does not.": "A",
    "<think>The answer is A": None,
    "The answer is A or B.": None,
    r"\boxed{A, B}": None,
    r"\boxed{E}": None,
    "A man flies a kite.": None,
    "I think that a dog is there.": None,
    "A. a bus\nB. a kite\nC. two dogs": None,
    "": None,
}


@pytest.mark.parametrize("response", FORMS)
def test_forms_of_an_answer(response: str) -> None:
    assert read_option(response, LETTERS) == FORMS[response]


def test_only_letters_of_the_question_are_options() -> None:
    assert read_option("F", ("A", "B", "C", "D", "E", "F")) == "F"
    assert read_option("F", LETTERS) is None
    assert read_option("A", ()) is None


SUBJECTS = ("A man", "A red bus", "The image", "The second picture", "Point B", "Image C", "One dog", "I", "Angle ABC")
VERBS = ("shows", "is next to", "holds", "compares with", "lies behind", "cannot be told from", "reminds me of")
OBJECTS = (
    "a kite",
    "the label of vitamin C",
    "a D-shaped ring",
    "plan B of the house",
    "an A-frame",
    "the letter sign",
)
DISCUSSED = (
    *(
        "Both A and B would fit.",
        "It could be A or D.",
        "Neither B nor C can be excluded.",
        "Options A and C look alike.",
    ),
    *("Option A: a bus. Option B: a kite. Option C: dogs.", "A. a bus\nB. a kite\nC. dogs\nD. none", "(A) or (B)?"),
    *(
        "I cannot help with that.",
        "The images are too dark.",
        "The answer is",
        "Let me think about (",
        "None of the above",
    ),
    *(
        r"\boxed{7}",
        r"The result is $\boxed{x + 1}$.",
        "Answer: 12",
        "The answer is a truck.",
        "<think>It may be B. So B",
    ),
)


def unreadable(chance: random.Random) -> str:
    """A response that names no option: sentences with letters in other roles, then perhaps a discussion."""
    sentences = [
        f"{chance.choice(SUBJECTS)} {chance.choice(VERBS)} {chance.choice(OBJECTS)}."
        for _ in range(chance.randint(1, 4))
    ]
    ending = [chance.choice(DISCUSSED)] if chance.random() < 0.5 else []
    return chance.choice((" ", "\n", "\n\n")).join([*sentences, *ending])


def test_a_thousand_responses_that_name_no_option_are_unreadable() -> None:
    chance = random.Random(0)
    responses = [unreadable(chance) for _ in range(1000)]
    assert [text for text in responses if read_option(text, LETTERS) is not None] == []


HOSTILE = (
    *(
        "A",
        "answer ",
        "(",
        "(A",
        "\\boxed{",
        "\\text{",
        "A.\n",
        "so A, ",
        "A or ",
        "option ",
        "<think>",
        "'",
        "A.\nB.\n",
    ),
    *("the answer is A. ", "answer" + " " * 1000, "**Answer:** ", "A, "),
)


@pytest.mark.parametrize("piece", HOSTILE, ids=lambda piece: repr(piece[:12]))
def test_long_responses_are_read_in_bounded_time(piece: str) -> None:
    text = piece * (200_000 // len(piece))
    assert fewest_seconds(lambda: read_option(text, LETTERS), tries=1) < 4
