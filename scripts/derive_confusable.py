"""Derives cgc_data/vocabulary/confusable.csv: which categories of COCO and LVIS v1 can be confused with each other.

There are four sources: WordNet 3.0's noun database (Debian package wordnet-base, /usr/share/wordnet), the synonyms in
an LVIS v1 file, boxes in COCO and LVIS that mark the same object under two names, and a manual review
(confusable_review.yaml).
"""

import argparse
import csv
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import orjson
import yaml

from cgc_data.geometry import iou_matrix
from cgc_data.vocabulary.concepts import entries
from cgc_data.vocabulary.confusable import Relation
from cgc_data.vocabulary.inflect import plain

SAME_BOX_IOU = 0.8
REVIEW = Path(__file__).with_name("confusable_review.yaml")
TABLE = Path(__file__).parents[1] / "cgc_data" / "vocabulary" / "confusable.csv"

Pair = tuple[str, str]
Drawn = dict[int, list[tuple[str, list[float]]]]


class Synset(NamedTuple):
    """A noun of WordNet: its words and the offsets of its direct hypernyms."""

    words: list[str]
    parents: list[str]


class WordNet:
    """The nouns in WordNet 3.0's database files (`man 5 wndb` describes their format)."""

    def __init__(self, folder: Path) -> None:
        self._synsets = dict(map(self._synset, _records(folder / "data.noun")))
        self._senses = {line[0]: line[-int(line[2]) :] for line in map(str.split, _records(folder / "index.noun"))}

    def find(self, concept: str) -> str | None:
        """Offset of a name such as "dog.n.01"; None if WordNet does not contain the name."""
        lemma, _, number = concept.rpartition(".n.")
        offsets = self._senses.get(lemma.lower(), [])
        return offsets[int(number) - 1] if lemma and 0 < int(number) <= len(offsets) else None

    def words(self, offset: str) -> list[str]:
        """The words of a synset, such as "traveling_bag"."""
        return self._synsets[offset].words

    @cache  # noqa: B019 - one WordNet lives as long as the process
    def above(self, offset: str) -> frozenset[str]:
        """Offsets of all direct and indirect hypernyms of a synset."""
        parents = self._synsets[offset].parents
        return frozenset(parents).union(*(self.above(parent) for parent in parents))

    @staticmethod
    def _synset(line: str) -> tuple[str, Synset]:
        fields = line.partition(" | ")[0].split()
        count = int(fields[3], 16)
        pointers = fields[5 + 2 * count :]
        parents = [pointers[i + 1] for i in range(0, len(pointers), 4) if pointers[i] in ("@", "@i")]
        return fields[0], Synset(fields[4 : 4 + 2 * count : 2], parents)


class Review:
    """The content of confusable_review.yaml, with category names resolved to concepts.

    An unknown name raises KeyError.
    """

    def __init__(self, path: Path = REVIEW) -> None:
        names = {e.lvis: e.concept for e in entries().values() if e.lvis}
        self._names = names | {e.coco: e.concept for e in entries().values() if e.coco}
        text: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
        self.includes = {
            (self._names[upper], self._names[lower]): reason
            for upper, below in text["includes"].items()
            for lower, reason in below.items()
        }
        self.hand = self._pairs(text["hand"])
        self.not_covered = {
            (self._names[upper], self._names[lower]) for upper, below in text["not_covered"].items() for lower in below
        }
        self.too_broad = {self._names[name] for name in text["too_broad"]}
        self.not_confusable = self._pairs(text["not_confusable"])
        self.unlike_lemmas = frozenset(text["lemmas_of_unlike_things"])
        self.unlike_synonyms = self._pairs(text["synonyms_of_unlike_things"])

    def rejects(self, pair: Pair) -> bool:
        """Whether the review rejected this pair."""
        return bool(self.too_broad & {*pair}) or _sorted(pair) in self.not_confusable

    def _pairs(self, rows: Iterable[tuple[str, str, str]]) -> dict[Pair, str]:
        pairs = {_sorted((self._names[a], self._names[b])): reason for a, b, reason in rows}
        assert all(a != b for a, b in pairs), "a pair of one concept"
        return pairs


def ancestors(wordnet: WordNet, review: Review) -> Iterator[Relation]:
    """Pairs in which WordNet lists one concept as a hypernym of the other.

    The relation is `hand` if both concepts are COCO classes, or if the review lists the pair under `not_covered`. All
    other pairs have the relation `ancestor`.
    """
    found = {concept: offset for concept in entries() if (offset := wordnet.find(concept))}
    concept_at = {offset: concept for concept, offset in found.items()}
    for lower, offset in found.items():
        for upper in (concept_at[a] for a in wordnet.above(offset) if a in concept_at):
            if review.rejects((upper, lower)) or review.includes.keys() & {(upper, lower), (lower, upper)}:
                continue
            if (upper, lower) in review.not_covered or (entries()[upper].coco and entries()[lower].coco):
                yield Relation(
                    *_sorted((upper, lower)), "hand", ("below this category in WordNet, but annotated separately")
                )
            else:
                yield Relation(upper, lower, "ancestor", "WordNet 3.0")


def synonyms(wordnet: WordNet, lvis: dict[str, Any], review: Review) -> Iterator[Relation]:
    """Pairs of concepts that share a word in WordNet or in LVIS's synonyms."""
    sharing: dict[str, set[str]] = defaultdict(set)
    for category in lvis["categories"]:
        offset = wordnet.find(category["synset"])
        words = [*category["synonyms"], category["name"], *(wordnet.words(offset) if offset else [])]
        for word in words:
            sharing[plain(word).lower().replace(" ", "_").replace("-", "_")].add(category["synset"])
    shared: dict[Pair, set[str]] = defaultdict(set)
    for word in sharing.keys() - review.unlike_lemmas:
        for pair in combinations(sorted(sharing[word]), 2):
            shared[pair].add(word)
    for pair, words_shared in shared.items():
        if pair not in review.unlike_synonyms and not review.rejects(pair):
            yield Relation(*pair, "synonym", " ".join(sorted(words_shared)))


def same_boxes(coco: Iterable[dict[str, Any]], lvis: dict[str, Any], review: Review) -> Iterator[Relation]:
    """Pairs of categories with overlapping boxes (IoU above 0.8) on the same photo. Each pair has the number of such
    overlaps.

    Both boxes can come from the same dataset, or one from COCO and the other from LVIS.
    """
    coco_names = {e.coco: e.concept for e in entries().values() if e.coco}
    by_coco: Drawn = {}
    for file in coco:  # the first file that contains a photo counts
        by_coco = _boxes(file, {c["id"]: coco_names[c["name"]] for c in file["categories"]}) | by_coco
    by_lvis = _boxes(lvis, {c["id"]: c["synset"] for c in lvis["categories"]})
    counts: Counter[Pair] = Counter()
    for photo in by_coco.keys() | by_lvis.keys():
        drawn = [*by_coco.get(photo, []), *by_lvis.get(photo, [])]
        overlap = np.triu(iou_matrix([box for _, box in drawn], [box for _, box in drawn]) > SAME_BOX_IOU, k=1)
        counts.update(_sorted((drawn[i][0], drawn[j][0])) for i, j in zip(*overlap.nonzero(), strict=True))
    for pair, count in counts.items():
        if pair[0] != pair[1] and not review.rejects(pair):
            yield Relation(*pair, "boxes", str(count))


def decided(review: Review, kinds: Iterable[Relation]) -> Iterator[Relation]:
    """The pairs that the review lists.

    If the review states that a COCO class includes a concept, the class also includes everything below this concept in
    `kinds`, except other COCO classes.
    """
    below: dict[str, set[str]] = defaultdict(set)
    for row in kinds:
        below[row.concept_a] |= {row.concept_b} if row.relation == "ancestor" else set()
    for (upper, middle), reason in review.includes.items():
        yield Relation(upper, middle, "includes", reason)
        for lower in below[middle] - below[upper]:
            if (upper, lower) not in review.includes and not entries()[lower].coco:
                yield Relation(upper, lower, "includes", f"below {middle}")
    for pair, reason in review.hand.items():
        yield Relation(*pair, "hand", reason)


def derive(wordnet: Path, lvis: Path, coco: Iterable[Path]) -> list[Relation]:
    """All relations, sorted.

    The file `lvis` lists all categories of LVIS v1. If several files in `coco` annotate the same photo, only the first
    of these files is used for that photo.
    """
    database, review = WordNet(wordnet), Review()
    lvis_file, coco_files = orjson.loads(lvis.read_bytes()), [orjson.loads(path.read_bytes()) for path in coco]
    kinds = list(ancestors(database, review))
    rows = [
        *kinds,
        *synonyms(database, lvis_file, review),
        *same_boxes(coco_files, lvis_file, review),
        *decided(review, kinds),
    ]
    return sorted({(r.concept_a, r.concept_b, r.relation): r for r in reversed(rows)}.values())


def write(rows: Iterable[Relation], path: Path) -> None:
    """Write the table as CSV."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(Relation._fields)
        writer.writerows(rows)


def _records(path: Path) -> list[str]:
    return [line for line in path.read_text(encoding="latin-1").splitlines() if not line.startswith("  ")]


def _sorted(pair: Pair) -> Pair:
    return (pair[0], pair[1]) if pair[0] < pair[1] else (pair[1], pair[0])


def _boxes(annotations: dict[str, Any], concepts: dict[int, str]) -> Drawn:
    """Concepts and box corners of all single objects (not crowds), grouped by COCO's photo ID."""
    found: Drawn = defaultdict(list)
    for one in annotations["annotations"]:
        x, y, width, height = one["bbox"]
        if not one.get("iscrowd"):
            found[one["image_id"]].append((concepts[one["category_id"]], [x, y, x + width, y + height]))
    return found


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wordnet", type=Path, default=Path("/usr/share/wordnet"), help="WordNet database folder")
    parser.add_argument("--lvis", type=Path, required=True, help="LVIS v1 annotation file")
    parser.add_argument("--coco", type=Path, required=True, nargs="+", help="COCO annotation files")
    parser.add_argument("--out", type=Path, default=TABLE)
    arguments = parser.parse_args()
    write(derive(arguments.wordnet, arguments.lvis, arguments.coco), arguments.out)


if __name__ == "__main__":
    main()
