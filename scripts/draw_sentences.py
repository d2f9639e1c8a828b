"""Draws random sentences from the project's documentation and code, for a reader to rate.

Usage: python -m scripts.draw_sentences [--seed N] [--number N]

Draws from pages (README, docs, cards), messages (help, errors), and docstrings, each kind equally often. Rate each
sentence: clear, or needs a second reading.
"""

import argparse
import random
import re
from collections import defaultdict
from collections.abc import Iterable

from scripts.prose import Passage, passages

LEAST_WORDS = 6
FAULTY_ON_PURPOSE = ("tests/", "scripts/mutant")


def main() -> None:
    """Print the drawn sentences, numbered, each with its file and line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--number", type=int, default=40)
    options = parser.parse_args()
    for number, (place, sentence) in enumerate(draw(passages(), options.seed, options.number), 1):
        print(f"{number:2}. {sentence}\n    {place}")


def draw(texts: Iterable[Passage], seed: int, number: int) -> list[tuple[str, str]]:
    """Places (path:line) and sentences, in random order.

    The same seed draws the same sentences until a text changes.
    """
    kinds: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for text in texts:
        if text.kind != "comment" and not text.path.startswith(FAULTY_ON_PURPOSE):
            found = [sentence for sentence in text.sentences() if _is_prose(sentence)]
            kinds[text.kind] += [(f"{text.path}:{text.line}", sentence) for sentence in found]
    source = random.Random(seed)
    drawn = [source.choice(kinds[kind]) for kind in source.choices(sorted(kinds), k=number)]
    return list(dict.fromkeys(drawn))


def _is_prose(sentence: str) -> bool:
    """Whether the text is a sentence, and not just a name, a command, or a value in a settings file."""
    return (
        sum(any(map(str.isalpha, word)) for word in sentence.split()) >= LEAST_WORDS
        and sentence[0] not in "{["
        and not re.search(r"^cgc-| --\w+ .* --|[\],]$|\$\(|= ?\[|\{\{|\(\?:|- \{|^>>>|^https:", sentence)
    )


if __name__ == "__main__":
    main()
