"""Options of the reward that are off by default: each pays as documented, and a perfect answer earns the maximum."""

from collections.abc import Mapping
from typing import Any

import pytest
from pydantic import ValidationError

from cgc_data.answer import Object, Violation, format_response, read_soft
from cgc_data.metrics import FLOORS, floor_response, truth_of
from cgc_train.reward import RewardSettings, gold_check, score
from cgc_train.reward.settings import PRESETS
from tests.cgc_train.made_rows import made_row, some_rows
from tests.test_docs import ROOT, table

BOX, FAR = (100, 100, 500, 500), (600, 600, 900, 900)
HALF = (100, 100, 500, 300)  # IoU 0.5 with BOX
LOCATE = truth_of(made_row("locate", {2: [BOX]}))
SETS = truth_of(made_row("locate_all", {1: [BOX], 3: [BOX, FAR]}))
ABSENT = truth_of(made_row("absent"))
THOUGHT = "Looked at every image."


def says(*boxes: tuple[int, Any], thought: str = THOUGHT) -> str:
    return format_response([Object(image, box, "dog") for image, box in boxes], thought)


@pytest.mark.parametrize(
    ("term", "truth", "response", "expected"),
    [
        pytest.param("images", LOCATE, says((2, FAR)), 1, id="right image, wrong place"),
        pytest.param("images", LOCATE, says((1, BOX)), 0, id="wrong image"),
        pytest.param("images", LOCATE, says((2, BOX), (2, FAR)), 0.5, id="one image named twice"),
        pytest.param("images", SETS, says((1, FAR), (3, FAR)), 2 / 3, id="two of three"),
        pytest.param("images", LOCATE, says(), 0, id="no image where there is one"),
        pytest.param("images", ABSENT, says(), 1, id="no image where there is none"),
        pytest.param("presence", LOCATE, says((1, FAR)), 1, id="something is there, wherever"),
        pytest.param("presence", LOCATE, says(), 0, id="nothing said where something is"),
        pytest.param("presence", ABSENT, says(), 1, id="nothing is there"),
        pytest.param("presence", ABSENT, says((1, BOX)), 0, id="something said where nothing is"),
        pytest.param("presence", LOCATE, "no list", 0, id="unreadable is not something"),
        pytest.param("presence", ABSENT, "no list", 0, id="unreadable is not nothing"),
        pytest.param("f1", LOCATE, says((2, HALF)), 1, id="a hit at 0.5"),
        pytest.param("f1", SETS, says((1, BOX)), 0.5, id="one hit of three"),
        pytest.param("f1", ABSENT, says(), 1, id="both empty"),
        pytest.param("ciou", LOCATE, says((2, BOX)), 1, id="equal boxes"),
        pytest.param("ciou", LOCATE, says((1, BOX)), 0, id="equal boxes in two images"),
        pytest.param("ciou", ABSENT, says(), 1, id="both empty, too"),
        pytest.param("tags", LOCATE, says((2, BOX)), 1, id="four tags"),
        pytest.param("tags", LOCATE, "<think>a</think>[]", 0.5, id="two tags"),
        pytest.param("tags", LOCATE, "<think>a<answer>[]</answer>", 0.75, id="three tags"),
        pytest.param("tags", LOCATE, "nothing", 0, id="no tag"),
    ],
)
def test_each_term_pays_what_it_says(term: str, truth: Any, response: str, expected: float) -> None:
    assert score(response, truth, RewardSettings(**{term: 1})).values[term] == pytest.approx(expected)


def test_a_near_miss_earns_more_of_ciou_than_a_far_one_and_nothing_of_miou() -> None:
    near, far = (501, 100, 901, 500), (950, 950, 1000, 1000)
    earned = [score(says((2, box)), LOCATE, RewardSettings(ciou=1)) for box in (near, far)]
    assert earned[0].values["ciou"] > earned[1].values["ciou"] > 0
    assert earned[0].miou == earned[1].miou == 0


@pytest.mark.parametrize(("box", "expected"), [((100, 100, 500, 490), 1), (HALF, 0.5), ((100, 100, 500, 130), 0)])
def test_overlap_counts_nothing_below_the_floor_and_all_from_the_ceiling_on(box: Any, expected: float) -> None:
    settings = RewardSettings(floor=0.1, ceiling=0.9)
    assert score(says((2, box)), LOCATE, settings).miou == pytest.approx(expected)


@pytest.mark.parametrize(("thought", "format_"), [("a", 0), ("  spaces do not count   ", 0), ("x" * 20, 1)])
def test_a_trace_has_to_be_as_long_as_is_asked(thought: str, format_: float) -> None:
    assert score(says((2, BOX), thought=thought), LOCATE, RewardSettings(format_min_think=20)).format == format_
    assert score(says((2, BOX), thought=thought), LOCATE).format == 1


SLIPS = {
    "integers as floats": '[{"img_idx": 2.0, "bbox_2d": [100.0, 100, 500, 500.0], "label": "dog"}]',
    "trailing commas": '[{"img_idx": 2, "bbox_2d": [100, 100, 500, 500,], "label": "dog",},]',
    "a fence in capitals": '```JSON\n[{"img_idx": 2, "bbox_2d": [100, 100, 500, 500], "label": "dog"}]\n```',
}


@pytest.mark.parametrize("slip", SLIPS)
def test_slips_are_forgiven_for_boxes_alone_and_only_on_request(slip: str) -> None:
    response = f"<think>{THOUGHT}</think>\n<answer>{SLIPS[slip]}</answer>"
    strict, soft = (score(response, LOCATE, RewardSettings(soft_reading=asked)) for asked in (False, True))
    assert (strict.miou, strict.format) == (0, 0)
    assert (soft.miou, soft.format) == (1, 0)
    assert soft.violations == strict.violations
    assert soft.item == strict.item, "metrics are not softened"


@pytest.mark.parametrize(
    "body", ['[{"img_idx": 2, "bbox_2d": [100.5, 100, 500, 500], "label": "dog"}]', "[,]", "[1 2]", '"', "1e999", ""]
)
def test_what_leaves_doubt_is_not_forgiven(body: str) -> None:
    assert read_soft(f"<answer>{body}</answer>", 3, require_think=False).objects == ()


def test_commas_inside_a_label_stay() -> None:
    body = '[{"img_idx": 2, "bbox_2d": [1, 2, 3, 4], "label": "a,]"},]'
    assert read_soft(f"<answer>{body}</answer>", 3, require_think=False).objects == (Object(2, (1, 2, 3, 4), "a,]"),)


def test_entries_beyond_reason_are_counted_and_not_read() -> None:
    entry = '{"img_idx": 2, "bbox_2d": [100, 100, 500, 500], "label": "dog"}'
    response = f"<think>{THOUGHT}</think><answer>[{', '.join([entry] * 50_000)}]</answer>"
    terms = score(response, LOCATE)
    assert terms.miou == pytest.approx(1 / 50_000)
    assert Violation.TOO_MANY in terms.violations


def test_a_preset_gives_what_is_not_given() -> None:
    preset = RewardSettings(preset="mg-thinker")
    assert {name: getattr(preset, name) for name in PRESETS["mg-thinker"]} == PRESETS["mg-thinker"]
    assert RewardSettings(preset="mg-thinker", floor=0.3).floor == 0.3
    assert RewardSettings.model_validate(preset.model_dump()) == preset
    assert score(says((2, HALF)), LOCATE, preset).reward == pytest.approx(0.5 + 1 + 1)
    assert score(says((1, BOX)), LOCATE, preset).reward == pytest.approx(1), "neither image nor IoU, but the tags"
    with pytest.raises(ValidationError, match="preset"):
        RewardSettings(preset="mg-thinking")  # type: ignore[arg-type]


@pytest.mark.parametrize("preset", PRESETS)
def test_every_row_can_earn_every_term_under_every_preset(preset: Any) -> None:
    assert gold_check(some_rows(), RewardSettings(preset=preset, soft_reading=True)) == []


def constant_answers(settings: Mapping[str, Any]) -> dict[str, float]:
    """Mean reward of answers that look at nothing: 88 rows with an object in one of three images, 12 with none."""
    shown = [truth_of(made_row("locate", {image: [BOX]})) for image in (1, 2, 3)]
    truths = [*(shown * 30)[:88], *[ABSENT] * 12]
    rewards = RewardSettings(**settings)
    return {
        name: sum(score(floor_response(name, truth), truth, rewards).reward for truth in truths) / len(truths)
        for name in FLOORS
    }


def test_the_page_about_the_reward_says_what_constant_answers_earn() -> None:
    shapes: dict[str, Mapping[str, Any]] = {
        "default": {},
        "`reward.format_needs_miou=true`": {"format_needs_miou": True},
        "`reward.format_needs_miou=true reward.presence=1`": {"format_needs_miou": True, "presence": 1},
    }
    told = {cells[0]: cells[1:] for cells in table(ROOT / "docs/reward.md", "settings")}
    assert told.keys() == shapes.keys()
    for name, settings in shapes.items():
        earned = constant_answers(settings)
        shown = [
            earned["always empty"],
            earned["whole image"],
            score(says((2, BOX)), LOCATE, RewardSettings(**settings)).reward,
        ]
        assert [float(cell) for cell in told[name]] == pytest.approx(shown, abs=0.005), name
    plain, shaped = constant_answers({}), constant_answers(shapes["`reward.format_needs_miou=true reward.presence=1`"])
    assert plain["always empty"] > plain["whole image"]
    assert shaped["always empty"] < shaped["whole image"]
