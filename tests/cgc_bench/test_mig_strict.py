"""What a model concludes: the first box of the contract after the reasoning, its image apart."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cgc_bench.mig import BENCHMARK
from cgc_bench.mig.strict import read_conclusion
from tests.cgc_bench.mig_rows import item
from tests.timing import fewest_seconds

RIGHT = '[{"img_idx": 2, "bbox_2d": [100, 200, 500, 600], "label": "dog"}]'
THOUGHT = "<think>perhaps (1,2),(3,4) in image 1</think>"

# Response, box, image.
READINGS = {
    "contract": (f"{THOUGHT}<answer>{RIGHT}</answer>", (100, 200, 500, 600), 2),
    "no tags": (RIGHT, (100, 200, 500, 600), 2),
    "template opened the reasoning": (f"perhaps (1,2),(3,4)</think><answer>{RIGHT}</answer>", (100, 200, 500, 600), 2),
    "fence": (f"{THOUGHT}<answer>```json\n{RIGHT}\n```</answer>", (100, 200, 500, 600), 2),
    "official form after reasoning": (f"{THOUGHT}(100,200),(500,600)", (100, 200, 500, 600), 0),
    "bare list of four": (f"{THOUGHT}[100, 200, 500, 600]", (100, 200, 500, 600), 0),
    "one object, no list": (THOUGHT + RIGHT[1:-1], (100, 200, 500, 600), 0),
    "reasoning not closed": (f"<think>(100,200),(500,600) {RIGHT}", None, 0),
    "nothing": (f"{THOUGHT}<answer>[]</answer>", None, 0),
    "empty": ("", None, 0),
    "no such image": (RIGHT.replace('idx": 2', 'idx": 3'), (100, 200, 500, 600), 0),
    "image zero": (RIGHT.replace('idx": 2', 'idx": 0'), (100, 200, 500, 600), 0),
    "image as text": (RIGHT.replace('idx": 2', 'idx": "2"'), (100, 200, 500, 600), 0),
    "image true": (RIGHT.replace('idx": 2', 'idx": true'), (100, 200, 500, 600), 0),
    "no image": ('[{"bbox_2d": [100, 200, 500, 600]}]', (100, 200, 500, 600), 0),
    "first of two": (RIGHT[:-1] + ', {"img_idx": 1, "bbox_2d": [1, 2, 3, 4]}]', (100, 200, 500, 600), 2),
    "first that has a box": ('[{"label": "x"}, ' + RIGHT[1:], (100, 200, 500, 600), 2),
    "floats": ('[{"img_idx": 1, "bbox_2d": [100.5, 200.0, 500, 600]}]', (100.5, 200.0, 500, 600), 1),
    "reversed is not repaired": ('[{"img_idx": 1, "bbox_2d": [500, 600, 100, 200]}]', (500, 600, 100, 200), 1),
    "infinite": ('[{"img_idx": 1, "bbox_2d": [1e999, 2, 3, 4]}]', None, 0),
    "NaN": ('[{"img_idx": 1, "bbox_2d": [NaN, 2, 3, 4]}]', None, 0),
    "two answer blocks": (f"{THOUGHT}<answer>(1,2),(3,4)</answer><answer>x</answer>", (1, 2, 3, 4), 0),
    "prose": (f"{THOUGHT}I see no dog.", None, 0),
}


@pytest.mark.parametrize("name", READINGS)
def test_conclusion(name: str) -> None:
    response, box, image = READINGS[name]
    concluded = read_conclusion(response, item())
    assert (concluded.read.box if concluded.read.found else None) == box
    assert concluded.image == image


def test_boxes_of_the_contract_are_thousandths_in_both_versions() -> None:
    original = item(scale=1, box=(0.1, 0.2, 0.5, 0.6), version="original")
    assert BENCHMARK.score(original, RIGHT, protocol="strict").values["acc@0.5"] == 1
    assert BENCHMARK.score(original, RIGHT).values["acc@0.5"] == 1
    assert BENCHMARK.score(original, RIGHT).boxes == [pytest.approx((2, 100, 200, 500, 600))]


def test_a_box_only_thought_about_is_official_and_not_strict() -> None:
    response = "<think>(100,200),(500,600)</think><answer>[]</answer>"
    official, strict = (BENCHMARK.score(item(), response, protocol=name).values for name in ("official", "strict"))
    assert official["acc@0.5"] == 1
    assert official["acc@0.5_strict"] == strict["acc@0.5"] == strict["acc@0.5_strict"] == 0
    assert official["no_box"] == 0
    assert strict["no_box"] == 1


@pytest.mark.parametrize(
    ("response", "source", "no_index"),
    [
        (RIGHT, 1.0, 0.0),
        (RIGHT.replace('idx": 2', 'idx": 1'), 0.0, 0.0),
        (RIGHT.replace('idx": 2', 'idx": 9'), None, 1.0),
        ("(100,200),(500,600)", None, 1.0),
        ("[]", None, 1.0),
    ],
    ids=["right image", "wrong image", "no such image", "official form", "empty"],
)
def test_source_accuracy_never_stands_without_the_share_that_names_no_image(
    response: str, source: float | None, no_index: float
) -> None:
    asked = item(task="group_grounding", names_image=False, target_image=2)
    values = BENCHMARK.score(asked, response).values
    assert (values["source_acc"], values["no_index"]) == (source, no_index)
    named = BENCHMARK.score(item(), response).values
    assert (named["source_acc"], named["no_index"]) == (None, None)


def test_pixels_are_told_from_thousandths() -> None:
    shown = item(sizes=((800, 400), (640, 480)))
    pixels = BENCHMARK.score(shown, "(80,80),(400,240)").values
    assert (pixels["acc@0.5"], pixels["acc@0.5_as_pixels"], pixels["pixel_scale"]) == (0, 1, 0)
    assert BENCHMARK.score(shown, "(100,200),(500,600)").values["acc@0.5"] == 1
    assert BENCHMARK.score(item(), "(80,80),(1400,240)").values["pixel_scale"] == 1
    assert BENCHMARK.score(item(), "(80,80),(1400,240)").note == "pixel scale"


@pytest.mark.parametrize(
    "response", ["[" * 1_000_000, '{"a":' * 200_000, "<think>" * 150_000, RIGHT * 15_000, '"' * 1_000_000]
)
@pytest.mark.parametrize("protocol", ["official", "strict"])
def test_a_megabyte_is_scored_in_bounded_time(response: str, protocol: str) -> None:
    assert fewest_seconds(lambda: BENCHMARK.score(item(), response, protocol=protocol)) < 3


PIECES = (
    "<think>",
    "</think>",
    "<answer>",
    "</answer>",
    RIGHT,
    "(1,2),(3,4)",
    "[1.5, 2.5, 3.5, 4.5]",
    "\ud800",
    "1e308",
)
HUGE = f"(1,2),(3,{'9' * 4000})"


@given(st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=5)), max_size=8).map("".join))
def test_no_response_raises(response: str) -> None:
    for scale, protocol in ((1000, "official"), (1, "official"), (1000, "strict"), (1, "strict")):
        values = BENCHMARK.score(item(scale=scale, sizes=((8, 8),)), response, protocol=protocol).values
        assert all(value is None or 0 <= value <= 1 for value in values.values())


@pytest.mark.parametrize("scale", [1000, 1])
@pytest.mark.parametrize("response", [HUGE, '[{"img_idx": 1, "bbox_2d": [-1e308, 2, 1e308, 4]}]'])
def test_boxes_of_any_size_can_be_written(scale: int, response: str) -> None:
    for protocol in BENCHMARK.protocols:
        result = BENCHMARK.score(item(scale=scale, sizes=((8, 8),)), response, protocol=protocol, postprocess=None)
        assert len(json.dumps(result.boxes, allow_nan=False)) < 100
