"""Ways in which published grounding rewards were gamed or broke: ours pays for none of them."""

import json
from typing import Any

import pytest

from cgc_data.answer import Object, Violation, format_answer, format_response
from cgc_data.metrics import truth_of
from cgc_train.reward import RewardSettings, score
from tests.cgc_train.made_rows import made_row
from tests.timing import fewest_seconds

BOX, OTHER = (100, 100, 500, 500), (600, 600, 900, 900)
LOCATE = truth_of(made_row("locate", {2: [BOX]}))
SETS = truth_of(made_row("locate_all", {1: [BOX], 3: [BOX, OTHER]}))
ABSENT = truth_of(made_row("absent"))
DOG = Object(2, BOX, "dog")
TRUE = format_answer([DOG])


def says(*objects: Object) -> str:
    return format_response(objects, "Looked at every image.")


def raw(answer: str, trace: str = "Looked.") -> str:
    return f"<think>{trace}</think><answer>{answer}</answer>"


def entry(**changes: Any) -> str:
    return raw(json.dumps([{"img_idx": 2, "bbox_2d": list(BOX), "label": "dog", **changes}], ensure_ascii=False))


WRONG = [
    pytest.param(says(Object(1, BOX, "dog")), 0, 1, id="right box, wrong image"),
    pytest.param(says(*(Object(image, BOX, "dog") for image in (1, 2, 3))), 1 / 3, 1, id="the box in every image"),
    pytest.param(says(), 0, 1, id="empty answer where objects exist"),
    pytest.param(raw("{}"), 0, 0, id="an empty object"),
    pytest.param(raw("null"), 0, 0, id="null"),
    pytest.param(raw("[[]]"), 0, 0, id="an empty list in the list"),
    pytest.param(raw(f"[{TRUE[1:-1]}, {TRUE[1:-1]}]"), 0.5, 0, id="duplicate"),
    pytest.param(raw(TRUE, ""), 1, 0, id="empty trace"),
    pytest.param(raw(TRUE, " \n\t"), 1, 0, id="blank trace"),
    pytest.param(raw(TRUE, "..."), 1, 0, id="trace without a letter"),
    pytest.param(f"<answer>{TRUE}</answer>", 1, 0, id="no trace"),
    pytest.param(f"<think>I see {TRUE}</think><answer>[]</answer>", 0, 1, id="boxes quoted in the trace"),
    pytest.param(f"<think>So <answer>{TRUE}</answer></think><answer>[]</answer>", 0, 0, id="answer tags in the trace"),
    pytest.param(f"<think>I see {TRUE}", 0, 0, id="unclosed trace"),
    pytest.param(f"<think>I see <answer>{TRUE}</answer>", 0, 0, id="answer in an unclosed trace"),
    pytest.param(raw(TRUE) + raw("[]"), 0, 0, id="a second thought takes the first answer back"),
    pytest.param(raw(TRUE) + f"<answer>{TRUE}</answer>", 0, 0, id="two answers, both right"),
    pytest.param(f"<think>a</think><answer>[]</answer><answer>{TRUE}</answer>", 0, 0, id="two guesses"),
    pytest.param(f"<think>a</think><answer>{TRUE}</answer> There!", 1, 0, id="text after the answer"),
    pytest.param(raw(f"There: {TRUE}"), 0, 0, id="text in the answer tags"),
    pytest.param(raw(f"```json\n{TRUE}\n```"), 1, 0, id="fenced"),
    pytest.param(raw(TRUE)[: -len("</answer>")], 1, 0, id="unclosed answer"),
    pytest.param(raw(TRUE[:-1]), 0, 0, id="truncated list"),
    pytest.param(raw(TRUE[: len(TRUE) // 2]), 0, 0, id="truncated object"),
    pytest.param(raw(TRUE[1:-1]), 0, 0, id="an object without a list"),
    pytest.param(raw("[100, 100, 500, 500]"), 0, 0, id="four bare numbers"),
    pytest.param(raw('{"bbox": [100, 100, 500, 500]}'), 0, 0, id="no keys of the contract"),
    pytest.param(entry(bbox_2d=[192, 108, 960, 540]), None, 1, id="pixels that stay below 1000"),
    pytest.param(entry(bbox_2d=[192, 108, 1920, 1080]), 0, 0, id="pixels"),
    pytest.param(entry(bbox_2d=[-1, 100, 500, 500]), 0, 0, id="negative"),
    pytest.param(entry(bbox_2d=[0.1, 0.1, 0.5, 0.5]), 0, 0, id="shares of one"),
    pytest.param(entry(bbox_2d=[100.0, 100.0, 500.0, 500.0]), 0, 0, id="floats"),
    pytest.param(entry(bbox_2d=[500, 500, 100, 100]), 0, 0, id="corners swapped"),
    pytest.param(entry(bbox_2d=[100, 100, 100, 500]), 0, 0, id="no area"),
    pytest.param(entry(bbox_2d=[100, 100, 500]), 0, 0, id="three numbers"),
    pytest.param(entry(bbox_2d="100 100 500 500"), 0, 0, id="numbers as text"),
    pytest.param(entry(bbox_2d=[True, 100, 500, 500]), 0, 0, id="true for a number"),
    pytest.param(raw('[{"img_idx": 2, "bbox_2d": [100, 100, 5e2, 500], "label": "dog"}]'), 0, 0, id="exponent"),
    pytest.param(raw('[{"img_idx": 2, "bbox_2d": [NaN, 100, 500, 500], "label": "dog"}]'), 0, 0, id="NaN"),
    pytest.param(raw('[{"img_idx": 2, "bbox_2d": [100, 100, Infinity, 500], "label": "dog"}]'), 0, 0, id="Infinity"),
    pytest.param(entry(bbox_2d=[100, 100, 500, 10**4000]), 0, 0, id="a number of thousands of digits"),
    pytest.param(entry(img_idx=0), 0, 0, id="image 0"),
    pytest.param(entry(img_idx=4), 0, 0, id="an image that is not there"),
    pytest.param(entry(img_idx="2"), 0, 0, id="image number as text"),
    pytest.param(entry(img_idx=2.0), 0, 0, id="image number as float"),
    pytest.param(entry(img_idx=[1, 2, 3]), 0, 0, id="every image in one entry"),
    pytest.param(entry(label=""), 0, 0, id="no label"),
    pytest.param(entry(label=None), 0, 0, id="null label"),
    pytest.param(entry(score=0.99), 0, 0, id="another key"),
    pytest.param(
        raw('[{"img_idx": 1, "img_idx": 2, "bbox_2d": [100, 100, 500, 500], "label": "dog"}]'), 0, 0, id="key twice"
    ),
    pytest.param(entry().replace("<answer>", "＜answer＞"), 0, 0, id="full-width tag"),  # noqa: RUF001
    pytest.param(entry().replace("<answer>", "<аnswer>"), 0, 0, id="Cyrillic a in the tag"),  # noqa: RUF001
    pytest.param(entry().replace("<answer>", "<an\u200bswer>"), 0, 0, id="zero-width space in the tag"),
    pytest.param(entry().replace("100", "１００"), 0, 0, id="full-width digits"),  # noqa: RUF001
    pytest.param(entry().replace('"dog"', "“dog”"), 0, 0, id="curly quotes"),
    pytest.param(entry().upper(), 0, 0, id="upper case"),
    pytest.param(entry().replace("bbox_2d", "bbоx_2d"), 0, 0, id="Cyrillic o in a key"),  # noqa: RUF001
    pytest.param(raw(f"\u00a0{TRUE}"), 0, 0, id="no-break space"),
    pytest.param(raw("[" * 5000 + "]" * 5000), 0, 0, id="nested without end"),
    pytest.param(raw('[{"img_idx": 2, "bbox_2d": [100, 100, 500, 500], "label": "\\ud800"}]'), 0, 0, id="surrogate"),
    pytest.param("", 0, 0, id="nothing"),
    pytest.param("<think></think><answer>{[1,2,3,4]}</answer>", 0, 0, id="braces round a list"),
    pytest.param("<anything goes", 0, 0, id="text that begins like a tag"),
]


@pytest.mark.parametrize(("response", "miou", "form"), WRONG)
def test_nothing_is_paid_for_it(response: str, miou: float | None, form: float) -> None:
    terms = score(response, LOCATE)
    assert terms.format == form
    assert terms.miou < 1 if miou is None else terms.miou == pytest.approx(miou)


@pytest.mark.parametrize(("response", "_", "__"), WRONG)
def test_no_option_pays_more_than_the_whole(response: str, _: object, __: object) -> None:
    for settings in (RewardSettings(source_aware=False), RewardSettings(set_wise=False), RewardSettings(power=0.5)):
        assert 0 <= score(response, LOCATE, settings).miou <= 1


@pytest.mark.parametrize("response", ["", "no", "<think>", raw("{}"), raw("[[]]"), raw("null"), raw("[0]")])
def test_only_a_literal_empty_list_is_the_empty_answer(response: str) -> None:
    assert score(response, ABSENT).miou == 0
    assert not score(response, LOCATE).item.false_empty


def test_each_further_box_costs() -> None:
    rewards = [score(says(DOG, *_spread(count)), LOCATE).miou for count in range(6)]
    assert rewards == pytest.approx([1 / (1 + count) for count in range(6)])


def test_one_safe_box_is_paid_its_share_of_the_set() -> None:
    assert score(says(Object(1, BOX, "dog")), SETS).miou == pytest.approx(1 / 3)


def test_malformed_entries_count_as_predictions() -> None:
    padded = raw(f'[{TRUE[1:-1]}, 0, null, "dog"]')
    assert score(padded, LOCATE).miou == pytest.approx(1 / 4)


def test_a_missing_label_is_not_taken_from_an_earlier_entry() -> None:
    truth = truth_of(made_row("locate_all", {1: [BOX], 3: [OTHER]}))
    first, second = json.loads(format_answer(truth.objects))
    del second["label"]
    assert score(raw(json.dumps([first, second])), truth).miou == 0.5


def test_format_alone_is_told_apart() -> None:
    terms = score(says(Object(1, OTHER, "dog")), LOCATE)
    assert (terms.reward, terms.miou, terms.format) == (1, 0, 1)
    assert score(says(Object(1, OTHER, "dog")), LOCATE, RewardSettings(format_needs_miou=True)).reward == 0


def test_violations_say_why() -> None:
    assert score(entry(bbox_2d=[192, 108, 1920, 1080]), LOCATE).violations == (Violation.BBOX_RANGE,)
    assert score(entry(bbox_2d=[192, 108, 1920, 1080]), LOCATE).item.pixel_scale
    assert score("", LOCATE).violations


SIZE = 100_000
LONG = {
    "boxes": says(*(Object(1 + k % 3, (k % 900, 1, k % 900 + 9, 99), "dog") for k in range(1500))),
    "boxes in one image": says(*(Object(2, (k % 500, k // 500, 990, 990), "dog") for k in range(1500))),
    "trace": format_response([DOG], "I look. " * (SIZE // 8)),
    "brackets": raw("[" * SIZE),
    "braces": raw('{"a":' * (SIZE // 5)),
    "quotes": raw('"' * SIZE),
    "backslashes": raw('["' + "\\" * SIZE),
    "open tags": "<think>" * (SIZE // 7),
    "answer tags": "<answer></answer>" * (SIZE // 17),
    "almost tags": "<answer" * (SIZE // 7),
    "white space": raw(" " * SIZE),
    "digits": raw(f"[{'9' * SIZE}]"),
    "commas": raw("[" + "0," * (SIZE // 2) + "0]"),
    "fences": raw("```" * (SIZE // 3)),
    "label": entry(label="x" * SIZE),
    "emoji": "🐕" * (SIZE // 4),
}


@pytest.mark.parametrize("response", LONG.values(), ids=LONG)
def test_long_responses_take_bounded_time(response: str) -> None:
    assert 0 <= score(response, SETS).miou <= 1
    assert fewest_seconds(lambda: score(response, SETS)) < 2


def test_a_long_trace_costs_nothing_by_itself() -> None:
    assert score(LONG["trace"], LOCATE).reward == 2


def _spread(count: int) -> list[Object]:
    return [Object(3, (10 * k, 0, 10 * k + 5, 9), "dog") for k in range(count)]
