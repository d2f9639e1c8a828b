"""Draws random sentences from the project's documentation and code, for a reader to rate.

Usage: python -m scripts.draw_sentences [--seed N] [--number N] [--context]

Draws from pages (README, docs, cards), messages (help, errors), and docstrings, each kind equally often. With
--context, the script also prints the lines around each sentence. For each sentence, the reader writes down what the
sentence states, and then rates it:

A: clear
B: understood on the first reading, but a better wording exists
C: needed a second reading, because the first reading led to a wrong meaning or to none
"""

import argparse
import random
import re
from collections import defaultdict
from collections.abc import Iterable

from scripts.prose import ROOT, Passage, passages

LEAST_WORDS = 6
LINES_BEFORE, LINES_AFTER = 7, 9  # context of a sentence
FAULTY_ON_PURPOSE = ("tests/", "scripts/mutant")


def main() -> None:
    """Print the drawn sentences, numbered, each with its file and line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--number", type=int, default=40)
    parser.add_argument("--context", action="store_true", help="print the lines around each sentence")
    options = parser.parse_args()
    for number, (place, sentence) in enumerate(draw(passages(), options.seed, options.number), 1):
        print(f"{number:2}. {sentence}\n    {place}{around(place) if options.context else ''}")


def around(place: str) -> str:
    """The lines around a place (path:line), indented, with a blank line before and after."""
    path, _, line = place.rpartition(":")
    lines = (ROOT / path).read_text(encoding="utf-8").splitlines()
    shown = lines[max(int(line) - 1 - LINES_BEFORE, 0) : int(line) + LINES_AFTER]
    return "\n\n" + "\n".join(f"    | {text}" for text in shown) + "\n"


def draw(texts: Iterable[Passage], seed: int, number: int) -> list[tuple[str, str]]:
    """Places (path:line) and sentences, in random order.

    The same seed draws the same sentences until a text changes.
    """
    kinds: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for text in texts:
        if text.kind != "comment" and not text.path.startswith(FAULTY_ON_PURPOSE):
            found = [sentence for sentence in text.sentences() if _is_prose(sentence)]
            kinds[text.kind] += [(f"{text.path}:{text.line}", sentence) for sentence in found]
    source, drawn = random.Random(seed), dict[tuple[str, str], None]()
    while len(drawn) < min(number, sum(len(set(found)) for found in kinds.values())):
        drawn[source.choice(kinds[source.choice(sorted(kinds))])] = None
    return list(drawn)


def _is_prose(sentence: str) -> bool:
    """Whether the text is a sentence, and not just a name, a command, or a value in a settings file."""
    return (
        sum(any(map(str.isalpha, word)) for word in sentence.split()) >= LEAST_WORDS
        and sentence[0] not in "{["
        and not re.search(r"^cgc-| --\w+ .* --|[\],]$|\$\(|= ?\[|\{\{|\(\?:|- \{|^>>>|^https:", sentence)
    )


if __name__ == "__main__":
    main()
