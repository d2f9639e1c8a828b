"""A term is added by one module and one line in the settings; everything else reads the list."""

import json
from pathlib import Path

from cgc_train.reward import TERMS, RewardSettings
from tests.extending import extended_copy

SEEN = """
import json
from cgc_data.answer import Object, format_response
from cgc_data.metrics import truth_of
from cgc_train.ablate import SWITCHES
from cgc_train.plugins import swift_reward, verl_reward
from cgc_train.recipe import load_recipe
from cgc_train.recipe.arguments import grpo_config
from cgc_train.reward import PromptSettings, RewardSettings, gold_check, reward_functions, score
from cgc_train.publish.card import _reward
from cgc_train.view.curves import GROUPS
from pathlib import Path
from tests.cgc_train.made_rows import made_row

row = made_row("locate", {2: [(100, 100, 500, 500)]})
boxes = [Object(2, (100, 100, 500, 500), "dog"), Object(1, (0, 0, 9, 9), "dog")]
short, long = (format_response(boxes[:count], "Looked.") for count in (1, 2))
print(json.dumps({
    "rewards": [score(text, truth_of(row)).reward for text in (short, long)],
    "lenient": score(long, truth_of(row), RewardSettings(spare_entries=1)).reward,
    "trl": [function.__name__ for function in reward_functions()],
    "weights": grpo_config(load_recipe("tiny-cpu", ["reward.brevity=2"]), Path("run"), use_cpu=True).reward_weights,
    "swift": swift_reward.FUNCTIONS,
    "verl": verl_reward.compute_score("", long, row["answer"]),
    "gold": gold_check([row]),
    "switch": SWITCHES["no-brevity"].settings,
    "card": _reward(RewardSettings()),
    "curves": [curve.train for curve in GROUPS["Reward"]],
}))
"""


def test_terms_are_the_marked_weights_in_order() -> None:
    weights = [(term.name, RewardSettings().weight(term)) for term in TERMS]
    others = ("tags", "images", "presence", "f1", "ciou")
    assert weights == [("miou", 1), ("format", 1), *((name, 0) for name in others)]


def test_a_term_that_is_not_paid_is_not_worked_out_unless_it_is_paid_by_default() -> None:
    assert [term.name for term in RewardSettings().terms] == ["miou", "format"]
    assert [term.name for term in RewardSettings(format=0, f1=0.5).terms] == ["miou", "format", "f1"]


def test_everything_reads_the_list_of_terms(tmp_path: Path) -> None:
    done = extended_copy(tmp_path, "A reward term").output("-c", SEEN)
    seen = json.loads(done.splitlines()[-1])
    assert seen["rewards"] == [2.5, 1.5]
    assert seen["lenient"] == 2.0
    assert seen["trl"] == ["miou_reward", "format_reward", "brevity_reward"]
    assert seen["weights"] == [1, 1, 2]
    assert seen["swift"]["cgc_brevity"] == "brevity"
    assert (seen["verl"]["score"], seen["verl"]["brevity"]) == (1.5, 0)
    assert seen["gold"] == []
    assert seen["switch"] == ["reward.brevity=0"]
    assert seen["card"].endswith(" + 0.5 x R_brevity (at most 0 spare entries)")
    assert "rewards/brevity_reward/mean" in seen["curves"]
