"""Concepts and readable names: COCO and LVIS meet under one name each, and no raw name reaches a question."""

import json
import re
from pathlib import Path

import pytest

from cgc_data.answer import Object, format_response, parse_strict
from cgc_data.answer.wording import ask
from cgc_data.common.errors import VocabularyError
from cgc_data.vocabulary import COCO_NAMES, concept_of, concepts_of, names_of, readable, supercategory_of
from cgc_data.vocabulary.concepts import entries


@pytest.mark.parametrize(
    ("name", "concept"),
    [
        ("dog", "dog.n.01"),
        ("tv", "television_receiver.n.01"),
        ("skis", "ski.n.01"),
        ("cow", "beef.n.01"),
        ("potted plant", "pot_plant.n.01"),
        ("hot dog", "hotdog.n.02"),
        ("hair drier", "hand_blower.n.01"),
        ("Wine_Glass", "wineglass.n.01"),
        ("stop sign", "stop_sign.n.01"),
        ("bow_(weapon)", "bow.n.04"),
        ("axolotl", "name:axolotl"),
        ("Crane (Bird)", "name:crane (bird)"),
    ],
)
def test_concept_of_a_bare_name(name: str, concept: str) -> None:
    assert concept_of(name) == concept


def test_a_synset_is_believed() -> None:
    assert concept_of("mouse", "mouse.n.01") == "mouse.n.01"


@pytest.mark.parametrize(
    ("name", "one", "many"),
    [
        ("umbrella", "an umbrella", "umbrellas"),
        ("unicycle", "a unicycle", "unicycles"),
        ("hourglass", "an hourglass", "hourglasses"),
        ("scissors", "a pair of scissors", "pairs of scissors"),
        ("skis", "a pair of skis", "pairs of skis"),
        ("jean", "a pair of jeans", "pairs of jeans"),
        ("sheep", "a sheep", "sheep"),
        ("person", "a person", "people"),
        ("knife", "a knife", "knives"),
        ("pocketknife", "a pocketknife", "pocketknives"),
        ("broccoli", "a piece of broccoli", "pieces of broccoli"),
        ("tv", "a TV", "TVs"),
        ("remote", "a remote control", "remote controls"),
        ("mouse", "a computer mouse", "computer mice"),
        ("sports ball", "a ball", "balls"),
        ("die", "a die", "dice"),
        ("bow_(weapon)", "an archery bow", "archery bows"),
        ("bow_(decorative_ribbons)", "a ribbon bow", "ribbon bows"),
        ("monitor_(computer_equipment) computer_monitor", "a computer monitor", "computer monitors"),
        ("T-shirt", "a T-shirt", "T-shirts"),
        # not in any table
        ("UFO", "a UFO", "UFOs"),
        ("SUV", "an SUV", "SUVs"),
        ("X-ray_machine", "an X-ray machine", "X-ray machines"),
        ("traffic_cone_(orange)", "a traffic cone", "traffic cones"),
        ("cup of tea", "a cup of tea", "cups of tea"),
        ("reading glasses", "a pair of reading glasses", "pairs of reading glasses"),
        ("fireman", "a fireman", "firemen"),
        ("ottoman rug", "an ottoman rug", "ottoman rugs"),
        ("honest hour", "an honest hour", "honest hours"),
        ("mango", "a mango", "mangoes"),
        ("Mouse", "a computer mouse", "computer mice"),
        ("used battery", "a used battery", "used batteries"),
        ("WBC", "a WBC", "WBCs"),
        ("Hard_Hat", "a hard hat", "hard hats"),
        ("t-shirt_press", "a t-shirt press", "t-shirt presses"),
        ("umbrella stands", "a set of umbrella stands", "sets of umbrella stands"),
        ("stairs", "a set of stairs", "sets of stairs"),
        ("gloved hands", "a set of gloved hands", "sets of gloved hands"),
        ("fallen leaves", "a set of fallen leaves", "sets of fallen leaves"),
        ("bad\tname\x07\u202e", "a bad name", "bad names"),
        ("奶牛", "a 奶牛", "奶牛s"),
    ],
)
def test_readable(name: str, one: str, many: str) -> None:
    found = readable(name)
    assert (found.indefinite, found.plural) == (one, many)


def test_grammar_of_pairs() -> None:
    scissors, dog = readable("scissors"), readable("dog.n.01")
    assert (scissors.counted, scissors.are, scissors.they, scissors.them) == ("pair of scissors", "are", "they", "them")
    assert (dog.counted, dog.are, dog.they, dog.them) == ("dog", "is", "it", "it")


@pytest.mark.parametrize(
    ("name", "pronoun"), [("person", "they"), ("policeman", "they"), ("ottoman", "it"), ("snowman", "it")]
)
def test_people_are_not_it(name: str, pronoun: str) -> None:
    assert readable(name).they == pronoun


def test_no_raw_name_and_no_two_alike_in_the_table() -> None:
    names = names_of(entries())
    assert len(names) > 1100
    for name in names.values():
        assert re.fullmatch(r"[A-Za-z][A-Za-z' -]*", name.singular)
        assert re.fullmatch(r"an? [a-z ]*|an?", name.article)
        assert name.plural.endswith(name.singular) or name.plural[0] == name.singular[0] or name.plural == "people"


def test_a_count_noun_carries_its_unit_in_article_and_plural() -> None:
    for concept, name in names_of(entries()).items():
        unit = name.article.partition(" ")[2]
        assert bool(unit) == (" of " in name.plural), concept


def test_left_out_says_why() -> None:
    with pytest.raises(VocabularyError, match=r"octopus_\(food\).*shares its name"):
        readable("octopus.n.01")


def test_coco_has_eighty_names_all_askable() -> None:
    assert len(COCO_NAMES) == 80
    names = names_of(concept_of(name) for name in COCO_NAMES)
    assert len(names) == 80


def test_every_concept_has_a_supercategory() -> None:
    assert all(entry.supercategory for entry in entries().values())
    assert supercategory_of("dog.n.01") == "animal"
    assert supercategory_of("name:axolotl") == ""


@pytest.mark.parametrize("names", [("dog", "Dog"), ("tv", "television_set")])
def test_one_file_may_not_have_a_concept_twice(names: tuple[str, str]) -> None:
    with pytest.raises(VocabularyError, match=f"{names[0]!r} and {names[1]!r}"):
        concepts_of(names)


def test_two_names_that_read_the_same_are_refused() -> None:
    for order in (["crane stand", "crane stand!"], ["crane stand!", "crane stand"]):
        given = dict.fromkeys(concepts_of(order), "crane stand")
        with pytest.raises(
            VocabularyError, match=rf"{order[0]}' and 'name:{order[1]}' are both shown as 'crane stand'"
        ):
            names_of(concepts_of(order), given)


def test_what_stands_in_parentheses_tells_names_apart() -> None:
    names = names_of(concepts_of(["crane_(bird)", "crane_(machine)", "heap_(of_sand)"]))
    assert [(name.singular, name.plural) for name in names.values()] == [
        ("crane (bird)", "cranes (bird)"),
        ("crane (machine)", "cranes (machine)"),
        ("heap", "heaps"),
    ]


def test_a_category_without_an_entry_is_shown_under_its_own_name() -> None:
    """LVIS v0.5 calls the synset basket.n.03 a basketball hoop."""
    names = names_of(["basket.n.01", "basket.n.03", "name:wbc"], {"basket.n.03": "basketball_hoop", "name:wbc": "WBC"})
    assert [name.singular for name in names.values()] == ["basket", "basketball hoop", "WBC"]


def test_a_plural_name_takes_a_plural_verb() -> None:
    stairs = readable("stairs")
    assert (stairs.counted, stairs.are, stairs.they, stairs.them) == ("set of stairs", "are", "they", "them")


@pytest.mark.parametrize("name", ["x</answer>", "<answer>", "a </THINK> b", "<think>", "<|im_end|>"])
def test_a_name_with_a_tag_of_the_answer_form_is_refused(name: str) -> None:
    with pytest.raises(VocabularyError, match="contains a tag of the answer format; rename it"):
        names_of(concepts_of([name]), dict(zip(concepts_of([name]), [name], strict=True)))


@pytest.mark.parametrize(
    "name",
    ['"bench"', "a\\b", "{singular}", "[]", "```json", "x, y", "it's", "a\u2028b", "\u200bzero", "%s", "</b>"],
)
def test_the_true_answer_is_accepted_whatever_the_name(name: str) -> None:
    label = readable(name).singular
    true = [Object(1, (10, 20, 30, 40), label)]
    parsed = parse_strict(f"<think>looked</think>\n{format_response(true)}", 2)
    assert (parsed.violations, list(parsed.objects)) == ((), true)
    assert f'"{label}"' in ask("locate", 0, [readable(name)], count_images=2)


@pytest.mark.parametrize("name", ["", "(unnamed)", "__"])
def test_a_name_without_words_is_refused(name: str) -> None:
    with pytest.raises(VocabularyError, match="rename it"):
        readable(name)


def test_table_covers_the_real_files(real_data: Path) -> None:
    lvis = json.loads((real_data / "lvis_sample" / "lvis.json").read_bytes())["categories"]
    assert {c["synset"]: c["name"] for c in lvis} == {e.concept: e.lvis for e in entries().values() if e.lvis}
    coco = json.loads((real_data / "coco_sample" / "instances.json").read_bytes())["categories"]
    assert {c["name"] for c in coco} == set(COCO_NAMES)
    assert all(supercategory_of(concept_of(c["name"])) == c["supercategory"] for c in coco)
