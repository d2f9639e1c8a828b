"""A term is added by a module of its own and its line in the settings; everything else reads the list."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from cgc_train.reward import TERMS, RewardSettings

ROOT = Path(__file__).parents[2]

BREVITY = """
from typing import Annotated
from pydantic import Field
from cgc_data.common.settings import Section, Weight
from cgc_train.reward.term import Answered, Term

def brevity_term(answer: Answered, settings: "BrevitySettings") -> float:
    return float(answer.reading.elements <= max(settings.most, len(answer.truth.objects)))

BREVITY = Term("brevity", brevity_term, "brevity", lambda _: "a short list", ablated="long lists cost nothing more")

class BrevitySettings(Section):
    brevity: Annotated[Weight, BREVITY] = Field(0.5, description="weight of a short list")
    most: int = Field(1, description="entries of a short list")
"""

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
    "lenient": score(long, truth_of(row), RewardSettings(most=2)).reward,
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
    assert [(term.name, RewardSettings().weight(term)) for term in TERMS] == [("miou", 1), ("format", 1)]


def test_a_term_is_a_module_and_a_line(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "cgc_train", tmp_path / "cgc_train", ignore=shutil.ignore_patterns("__pycache__"))
    reward = tmp_path / "cgc_train/reward"
    (reward / "brevity.py").write_text(BREVITY, encoding="utf-8")
    settings = (reward / "settings.py").read_text(encoding="utf-8")
    assert settings.count("    FormatSettings,\n") == 1
    settings = settings.replace("    FormatSettings,\n", "    BrevitySettings,\n    FormatSettings,\n")
    settings = settings.replace(
        "from cgc_train.reward.format",
        "from cgc_train.reward.brevity import BrevitySettings\nfrom cgc_train.reward.format",
    )
    (reward / "settings.py").write_text(settings, encoding="utf-8")
    path = os.pathsep.join([str(tmp_path), str(ROOT), str(ROOT / "cards")])
    done = subprocess.run(
        [sys.executable, "-c", SEEN],
        check=False,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": path},
    )
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout.splitlines()[-1])
    assert seen["rewards"] == [2.5, 1.5]
    assert seen["lenient"] == 2.0
    assert seen["trl"] == ["miou_reward", "format_reward", "brevity_reward"]
    assert seen["weights"] == [1, 1, 2]
    assert seen["swift"]["cgc_brevity"] == "brevity"
    assert (seen["verl"]["score"], seen["verl"]["brevity"]) == (1.5, 0)
    assert seen["gold"] == []
    assert seen["switch"] == ["reward.brevity=0"]
    assert seen["card"].endswith(" + 0.5 x R_brevity (a short list)")
    assert "rewards/brevity_reward/mean" in seen["curves"]
