"""The authors' reading of a box, with every quirk, and their IoU."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cgc_bench.mig.official import NOTHING, iou, migician, read_box
from tests.timing import fewest_seconds

# Response, what the revised script reads (0-1000), what the original script reads (0-1).
READINGS = {
    "parentheses": ("(1,2),(3,4)", (1, 2, 3, 4), (0.001, 0.002, 0.003, 0.004)),
    "blanks after commas": ("(10, 20), (30,  40)", (10, 20, 30, 40), (0.01, 0.02, 0.03, 0.04)),
    "a blank before a comma": ("(10 ,20),(30,40)", NOTHING, NOTHING),
    "box tokens round it": ("<|box_start|>(10,20),(30,40)<|box_end|>", (10, 20, 30, 40), (0.01, 0.02, 0.03, 0.04)),
    "placeholders": ("(x1,y1),(x2,y2)", NOTHING, NOTHING),
    "first of several": ("(10,20),(30,40)(50,60),(70,80)", (10, 20, 30, 40), (0.01, 0.02, 0.03, 0.04)),
    "cut short": ("(10,20),(30,40)(50,60),(7", (10, 20, 30, 40), (0.01, 0.02, 0.03, 0.04)),
    "brackets": ("[10, 20,30, 40]", (10, 20, 30, 40), (0.01, 0.02, 0.03, 0.04)),
    "double brackets": ("[[10, 20, 30, 40]]", (10, 20, 30, 40), (0.01, 0.02, 0.03, 0.04)),
    "json": ('[{"bbox_2d": [10, 20, 30, 40]}]', (10, 20, 30, 40), (0.01, 0.02, 0.03, 0.04)),
    "box tags": ("<box>10 20  30 40</box>", (10, 20, 30, 40), (0.01, 0.02, 0.03, 0.04)),
    "box tags with commas": ("<box>10, 20, 30, 40</box>", NOTHING, NOTHING),
    "parentheses win though later": ("[1, 2, 3, 4] (10,20),(30,40)", (10, 20, 30, 40), (0.01, 0.02, 0.03, 0.04)),
    "decimals in brackets": ("[0.1, 0.2, 0.3, 0.4]", NOTHING, (0.1, 0.2, 0.3, 0.4)),
    "decimals win over whole brackets": ("[1, 2, 3, 4] [0.1, 0.2, 0.3, 0.4]", NOTHING, (0.1, 0.2, 0.3, 0.4)),
    "decimals over 1": ("[100.0, 200.0, 300.0, 400.5]", NOTHING, (0.1, 0.2, 0.3, 0.4005)),
    "decimal pairs": ("(0.1,0.2),(0.3,0.4)", NOTHING, (0.1, 0.2, 0.3, 0.4)),
    "decimal pairs with blanks": ("(0.1, 0.2), (0.3, 0.4)", NOTHING, NOTHING),
    "decimals in one parenthesis": ("(0.1, 0.2, 0.3, 0.4)", NOTHING, (0.1, 0.2, 0.3, 0.4)),
    "whole numbers in one parenthesis": ("(1, 2, 3, 4)", NOTHING, NOTHING),
    "mixed": ("[0.1, 20, 0.3, 40]", NOTHING, NOTHING),
    "a whole decimal": ("[1.0, 0.0, 0.5, 0.9]", NOTHING, (0.001, 0.0, 0.5, 0.9)),
    "minus": ("[-10, 20, 30, 40]", NOTHING, NOTHING),
    "reversed": ("(30,40),(10,20)", (30, 40, 10, 20), (0.03, 0.04, 0.01, 0.02)),
    "in the reasoning": ("<think>(1,2),(3,4)</think>[10, 20, 30, 40]", (1, 2, 3, 4), (0.001, 0.002, 0.003, 0.004)),
    "NaN": ("[NaN, 1, 2, 3]", NOTHING, NOTHING),
    "exponent": ("[1e308, 1, 2, 3]", NOTHING, NOTHING),
    "empty": ("", NOTHING, NOTHING),
}


@pytest.mark.parametrize("name", READINGS)
def test_both_scripts_read_this_box(name: str) -> None:
    text, revised, original = READINGS[name]
    assert read_box(text, 1000).box == revised
    assert read_box(text, 1).box == pytest.approx(original)


def test_a_box_that_was_found_is_told_from_one_that_was_not() -> None:
    decimals = read_box("[0.1, 0.2, 0.3, 0.4]", 1000)
    assert decimals.found
    assert decimals.box == NOTHING
    assert not read_box("nothing", 1000).found
    assert read_box("(1,2),(3,4)", 1000).alone
    assert not read_box("(1,2),(3,4) or (1,2),(3,4)", 1000).alone
    assert read_box("(1,2),(3,1001)", 1000).over
    assert not read_box("(1,2),(3,1000)", 1000).over


IOUS = {
    "the same": ((0, 0, 10, 10), (0, 0, 10, 10), 1.0),
    "continuous, no pixel added": ((0, 0, 10, 10), (5, 0, 15, 10), 1 / 3),
    "touching": ((0, 0, 10, 10), (10, 0, 20, 10), 0.0),
    "apart": ((0, 0, 10, 10), (20, 0, 30, 10), 0.0),
    "reversed prediction": ((0, 0, 10, 10), (10, 10, 0, 0), 0.0),
    "reversed truth": ((10, 10, 0, 0), (0, 0, 10, 10), 0.0),
    "both empty": ((5, 5, 5, 5), (5, 5, 5, 5), 0.0),
    "infinite": ((0, 0, 10, 10), (0, 0, float("inf"), float("inf")), 0.0),
    "not a number": ((0, 0, 10, 10), (0, 0, float("nan"), 10), 0.0),
    "huge": ((0, 0, 10, 10), (0, 0, 1e308, 1e308), 0.0),
    "huger than a float": ((0.0, 0.0, 0.5, 0.5), (0, 0, 10**400, 10**400), 0.0),
}


@pytest.mark.parametrize("name", IOUS)
def test_overlap(name: str) -> None:
    truth, box, expected = IOUS[name]
    assert iou(truth, box) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("text", "scale", "box"),
    [
        ("(100,200),(300,400)", 1000, (100, 210, 300, 440)),
        ("(100,980),(300,990)", 1000, (100, 999, 300, 999)),
        ("(100,123),(300,457)", 1000, (100, 129, 300, 503)),
        ("(100,200),(300,400)", 1, (0.1, 0.21, 0.3, 0.44)),
        ("(100,200),(300,400) (1,2),(3,4)", 1, (0.1, 0.2, 0.3, 0.4)),
        ("(100,200),(300,400) (1,2),(3,4)", 1000, (100, 210, 300, 440)),
        ("none", 1000, NOTHING),
        (f"(1,2),(3,{'9' * 500})", 1000, (1, 2, 3, 999)),
    ],
)
def test_migicians_published_figures_stretch_y(text: str, scale: int, box: tuple[float, ...]) -> None:
    assert migician(read_box(text, scale), scale) == pytest.approx(box)


HOSTILE = {
    "digits": "[" + "1" * 1_000_000,
    "decimals": "[1." + "1" * 1_000_000 + ", 1.5, 1.5, 1.5]",
    "a huge whole number": "(1,2),(3," + "1" * 1_000_000 + ")",
    "open brackets": "[" * 1_000_000,
    "open parentheses": "(" * 1_000_000,
    "blanks": "(1," + " " * 1_000_000,
    "many starts": "(1,2),(" * 150_000,
    "many starts of a box tag": "<box>1 2 3 " * 100_000,
    "many boxes": "(1,2),(3,4)" * 100_000,
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("scale", [1000, 1])
def test_a_megabyte_is_read_in_bounded_time(name: str, scale: int) -> None:
    assert iou((0.0, 0.0, 0.5, 0.5), read_box(HOSTILE[name], scale).box) <= 1
    assert fewest_seconds(lambda: read_box(HOSTILE[name], scale)) < 2


@given(st.text("()[]<>box/.,0123456789 \n", max_size=80), st.sampled_from([1000, 1]))
def test_no_text_raises(text: str, scale: int) -> None:
    read = read_box(text, scale)
    assert 0 <= iou((0.1, 0.1, 0.9, 0.9), read.box) <= 1
    assert 0 <= iou((0.1, 0.1, 0.9, 0.9), migician(read, scale)) <= 1
