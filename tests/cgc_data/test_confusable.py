"""Relations between categories: what is shipped, what it means, and that it can be derived again."""

import sys
from pathlib import Path

import pytest

from cgc_data.vocabulary import COCO_NAMES, Relation, Relations, concept_of, load_relations
from cgc_data.vocabulary.concepts import entries

WORDNET = Path("/usr/share/wordnet")
SCRIPTS = Path(__file__).parents[2] / "scripts"
COCO = frozenset(map(concept_of, COCO_NAMES))
# COCO alone never proves these absent: they have look-alikes that no class of COCO takes in.
BEYOND_COCO = {"cell phone", "dining table", "handbag", "potted plant"}


@pytest.fixture(scope="module")
def relations() -> Relations:
    return load_relations()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("cow", "sheep"),
        ("book", "binder"),
        ("truck", "car"),
        ("tv", "monitor_(computer_equipment) computer_monitor"),
        ("couch", "chair"),
        ("bed", "chair"),
        ("bed", "bench"),
        ("horse", "sheep"),
        ("horse", "cow"),
        ("bottle", "cup"),
        ("cup", "wine glass"),
        ("cup", "mug"),
        ("handbag", "backpack"),
        ("dog", "puppy"),
        ("fish", "fish_(food)"),
    ],
)
def test_confusable_both_ways(relations: Relations, one: str, other: str) -> None:
    assert concept_of(other) in relations.confusable(concept_of(one))
    assert concept_of(one) in relations.confusable(concept_of(other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("barge", "igniter"),
        ("fire hydrant", "pipe"),
        ("bowl", "bowling_ball"),
        ("chair", "person"),
        ("cat", "dog"),
        ("dog", "axolotl"),
    ],
)
def test_not_confusable(relations: Relations, one: str, other: str) -> None:
    assert concept_of(other) not in relations.confusable(concept_of(one))


def test_coco_covers_more_than_wordnet_puts_below(relations: Relations) -> None:
    assert "mug.n.04" not in relations.hyponyms("cup.n.01")
    assert "mug.n.04" in relations.hyponyms("cup.n.01", "coco")
    assert "teacup.n.02" in relations.hyponyms("cup.n.01")
    assert "cup.n.01" not in relations.hypernyms("mug.n.04")
    assert "cup.n.01" in relations.hypernyms("mug.n.04", "coco")


def test_no_class_of_coco_covers_another(relations: Relations) -> None:
    assert not any(relations.hyponyms(concept, "coco") & COCO for concept in COCO)


def test_what_lies_below_is_confusable(relations: Relations) -> None:
    for concept in entries():
        assert relations.hyponyms(concept, "coco") <= relations.confusable(concept)


def test_few_categories_are_beyond_what_coco_proves(relations: Relations) -> None:
    reached = COCO.union(*(relations.hyponyms(concept, "coco") for concept in COCO))
    beyond = {name for name in COCO_NAMES if not relations.confusable(concept_of(name)) <= reached}
    assert beyond == BEYOND_COCO


def test_rows_are_clean(relations: Relations) -> None:
    assert list(relations.rows) == sorted(set(relations.rows))
    for row in relations.rows:
        assert row.concept_a != row.concept_b
        assert {row.concept_a, row.concept_b} <= entries().keys()
        assert row.reason
    above = {(r.concept_a, r.concept_b) for r in relations.rows if r.relation in ("ancestor", "includes")}
    assert not above & {(b, a) for a, b in above}


def test_relations_of_rows_given() -> None:
    relations = Relations.of((Relation("a", "b", "ancestor", "x"), Relation("c", "a", "hand", "y")))
    assert relations.confusable("a") == {"b", "c"}
    assert relations.hyponyms("a") == {"b"}
    assert relations.hypernyms("b") == {"a"}
    assert relations.confusable("d") == relations.hyponyms("d") == frozenset()


def test_table_is_derived_from_its_sources(
    relations: Relations, real_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not (WORDNET / "data.noun").is_file():
        pytest.skip("WordNet 3.0 is not installed (Debian package wordnet-base)")
    monkeypatch.syspath_prepend(str(SCRIPTS))
    import derive_confusable

    lvis = real_data / "lvis_sample"
    coco = [
        lvis / "coco_boxes.json",
        *(real_data / name / "instances.json" for name in ("coco_sample", "coco_val_boxes")),
    ]
    assert derive_confusable.derive(WORDNET, lvis / "lvis.json", coco) == list(relations.rows)
    sys.modules.pop("derive_confusable")
