"""The English of the project: phrases that read as translated do not come back, and every text is read."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from scripts.draw_sentences import LEAST_WORDS, draw
from scripts.prose import Passage, of_page, of_python, of_settings, passages

# Phrase (a regular expression; spaces match any whitespace) -> better wording.
BETTER = {
    r"mend(s|ed|ing)?": "fix",
    r"anew": "again, or a verb with re-",
    r"told": "reported, stated; distinguished",
    r"tells(?! (me|us|you)\b)": "reports, shows, reveals, distinguishes",
    r"tell (nothing|anything|whether|which of)": "reveal, show",
    r"says|said|speaks?|spoken": "states, prints, reports",
    r"where there (is|are|was|were)": "if there is",
    r"none where": "empty if, or None",
    r"(one|two|list|line|row|item|value|token|image|parquet) an? "
    r"(file|line|row|item|image|step|task|photo|prompt|token|model|benchmark|configuration|split)": "per",
    r"left out|leaves out|leave (it|them) out": "omitted, skipped",
    r"of (one's|its|their|our) own": "own, custom, separate",
    r"go(es|ing)? on(?! the\b)|went on": "continues, resumes",
    r"for (want|lack) of": "out of, without",
    r"hardly": "barely, almost never",
    r"honest(ly)?": "correct, valid; use this only if",
    r"looks at": "reads, inspects; with nothing: ignores the images",
    r"lies? in": "is in",
    r"beside": "next to (a place), with, alongside, in addition to",
    r"that (is|are) there": "existing",
    r"(?<!\s)(?<!there)\s+(is|are|was|were) no (?!longer\b|more\b|other\b)": "is not a",
    r"whatever (the|its|it|they|other|an?|changes|he)": "any, regardless of",
    r"cut (it )?short": "truncated, interrupted",
    r"whose like": "which is almost never",
    r"such as (is|are|it|they)": "those that",
    r"(stays?|leaves?|left|kept|keeps?|stands?) as (it|they) (is|are|was|were|stands?)": "unchanged, verbatim",
    r"shall|upon|whilst|amongst|hence|thereof|therein|wherein|whereby|hereby|thrice": "the modern word",
    r"(to|after|for|back)wards": "toward, afterward",
    r"in (the )?place of": "instead of, replaces",
    r"(held|holds?|holding) (to|against)": "checked against, compared with",
    r"counted among": "relative to, one of",
    r"for ever": "permanently",
    r"of like": "of similar",
    r"(do|does|did) without": "does not need",
    r"(a|every|are|with) further": "another, more, additional",
    r"asked of (an?|the|each|every|it|them|that)": "asked about, requested of",
    r"tak(es?|ing) down": "records",
    r"one line (that|which|with the|says)": "a one-line error",
    r"(written|annotated|listed|cited|counted|cite it|others') apart": "separately",
    r"so far as": "as far as",
    r"misspelt|spelt|learnt|burnt": "misspelled, spelled, learned, burned",
    r"(dis)?(colour|favour|neighbour|behaviour|honour)\w*|grey\w*|(centre|metre|fibre)[sd]?": "-or, gray, center",
    r"licences?|artefacts?|catalogues?|programmes?|judgement": "license, artifact, catalog, program, judgment",
    r"(un|re|mis)?(label|model|cancel|travel|signal|level)l(ed|ing)": "labeled, modeled, canceled",
    r"(initial|normal|recogn|organ|optim|summar|token|serial|minim|maxim|general|synchron|util|visual|categor|emphas|"
    r"random|real|standard|special|custom|character|priorit|penal|quant)is(e[ds]?|ing|ations?|ers?)": "-ize",
    r"analys(e|ed|ing)": "analyze",
}  # fmt: skip
# Texts that others wrote, and names that recorded measurements contain.
OFFICIAL = {
    "cgc_bench/mig/prompts.py": "prompts of MIG-Bench and UniVG-R1",
    "cgc_bench/options/patterns.py": "patterns that match answers of models",
}
RECORDED = ("quantised",)  # a stage in docs/gpu.json
CODE = re.compile(r"`[^`\n]*`|" + "|".join(RECORDED))
ANY = re.compile(rf"\b(?:{'|'.join(f'(?P<p{n}>{phrase})' for n, phrase in enumerate(BETTER))})\b".replace(" ", r"\s+"))


@dataclass(frozen=True)
class Hit:
    """A phrase of the table in a text."""

    path: str
    line: int
    phrase: str
    better: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.phrase!r}; better: {self.better}"


def hits(texts: Iterable[Passage]) -> Iterator[Hit]:
    """Every phrase of the table outside code spans."""
    better = list(BETTER.values())
    for text in texts:
        for found in ANY.finditer(CODE.sub(lambda code: "_" * len(code[0]), text.text).lower()):
            phrase, number = " ".join(found[0].split()), int(str(found.lastgroup)[1:])
            yield Hit(text.path, text.line_of(found.start()), phrase, better[number])


@pytest.fixture(scope="module")
def texts() -> list[Passage]:
    return list(passages())


def test_no_phrase_reads_as_translated(texts: list[Passage]) -> None:
    found = [hit for hit in hits(texts) if hit.path not in OFFICIAL]
    assert not found, "\n".join(map(str, found))


@pytest.mark.parametrize(
    ("read", "path", "text", "line", "phrase"),
    [
        (of_python, "a.py", 'x = 1\n\n\ndef f():\n    """A row\n    that mends it."""\n', 6, "mends"),
        (of_python, "a.py", "x = '#'  # none where it is missing\n", 1, "none where"),
        (of_python, "a.py", 'raise E(f"{path}: run again, it "\n        f"goes on from {step}")\n', 1, "goes on"),
        (of_page, "a.md", "# Title\n\nText in `told`, and\nit is told twice.\n", 4, "told"),
        (of_page, "a.md", "```\nmend\n```\n\n| cell | one a\n| a | one a row |\n", 6, "one a row"),
        (of_page, "a.md.j2", "{% if told %}\n{{ told }} is of its\nown\n{% endif %}\n", 2, "of its own"),
        (of_settings, "a.yaml", "told: 1  # x\ntext: a photo that is left out\n", 2, "left out"),
        (of_settings, "a.yaml", "a: 1\n# these are labelled\n", 2, "labelled"),
    ],
    ids=["docstring", "comment", "message", "paragraph", "cell", "template", "value", "settings comment"],
)
def test_a_phrase_is_found_wherever_it_is(
    read: Callable[[str, str], Iterator[Passage]], path: str, text: str, line: int, phrase: str
) -> None:
    (hit,) = hits(read(path, text))
    assert (hit.path, hit.line, hit.phrase) == (path, line, phrase)
    assert str(hit).startswith(f"{path}:{line}: {phrase!r}; better: ")


def test_every_kind_of_file_is_read(texts: list[Passage]) -> None:
    assert {Path(text.path).suffix for text in texts} >= {".py", ".md", ".yaml", ".yml", ".j2", ".toml", ".sh"}
    assert {text.path for text in texts} >= {"README.md", "Makefile", "CHANGELOG.md", "CONTRIBUTING.md"}


def test_sentences_are_drawn_by_seed(texts: list[Passage]) -> None:
    assert draw(texts, 1, 5) == draw(texts, 1, 5) != draw(texts, 2, 5)
    assert all(len(sentence.split()) >= LEAST_WORDS for _, sentence in draw(texts, 1, 40))
