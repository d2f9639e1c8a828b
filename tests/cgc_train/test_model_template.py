"""A chat template that opens `<think>` itself and `prompt.prefix`: they agree, or nothing starts."""

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("transformers")

from cgc_data.metrics import truth_of
from cgc_train.check import run_checks
from cgc_train.difficulty import measure
from cgc_train.errors import RecipeError
from cgc_train.grpo import run_grpo
from cgc_train.model import load_processor, opening_fault, opening_of
from cgc_train.predict import Predictor
from cgc_train.recipe import ModelSettings
from cgc_train.reward import PromptSettings, score
from cgc_train.sft import run_sft
from tests.cgc_train.conftest import made_recipe
from tests.cgc_train.made_rows import some_rows

HEADER = "'<|im_start|>assistant\\n'"
# What templates of published checkpoints write: Instruct, Thinking, and one whose thinking is turned off.
OPENINGS = {"plain": "", "thinking": "<think>\n", "turned off": "<think>\n\n</think>\n\n"}


def model_that_opens(tiny: Path, folder: Path, opening: str) -> Path:
    """The tiny model with another chat template; weights are linked."""
    folder.mkdir()
    for path in tiny.iterdir():
        (folder / path.name).symlink_to(path)
    template = (tiny / "chat_template.jinja").read_text()
    assert HEADER in template
    (folder / "chat_template.jinja").unlink()
    written = opening.replace("\n", "\\n")
    (folder / "chat_template.jinja").write_text(template.replace(HEADER, f"{HEADER[:-1]}{written}'"))
    return folder


@pytest.fixture(params=OPENINGS, ids=OPENINGS)
def opened(request: pytest.FixtureRequest, tiny: Path, tmp_path: Path) -> tuple[Path, str]:
    opening = OPENINGS[request.param]
    return model_that_opens(tiny, tmp_path / "model", opening), opening


def test_what_a_template_writes_is_read_off_it(opened: tuple[Path, str]) -> None:
    folder, opening = opened
    assert opening_of(load_processor(ModelSettings(name=str(folder)))) == opening


@pytest.mark.parametrize(
    ("opening", "prefix", "think", "mends"),
    [
        ("", "", True, None),
        ("<think>\n", "<think>", True, None),
        ("<think>\n", "<think>\n", True, None),
        ("<think>\n", "", True, "set prompt.prefix='<think>'"),
        ("<think>\n", "", False, "set prompt.prefix='<think>'"),
        ("", "<think>", True, "set prompt.prefix=''"),
        ("<think>\n\n</think>\n\n", "", True, "set prompt.think=false"),
        ("<think>\n\n</think>\n\n", "<think>", True, "set prompt.think=false"),
        ("<think>\n\n</think>\n\n", "", False, None),
        ("<think>\n\n</think>\n\n", "<think>\n\n</think>", False, None),
        ("<think>\n\n</think>\n\n", "<think>", False, "set prompt.prefix='<think> </think>'"),
    ],
)
def test_template_and_prefix_agree_or_the_fix_is_named(
    opening: str, prefix: str, think: bool, mends: str | None
) -> None:
    fault = opening_fault(opening, PromptSettings(prefix=prefix, think=think))
    assert (fault is None) == (mends is None)
    assert fault is None or (mends and fault[1].startswith(mends))


def test_what_passes_can_earn_the_format(opened: tuple[Path, str]) -> None:
    """And what is refused never could."""
    _, opening = opened
    truth = truth_of(some_rows()[4])
    rest = "<think>Looked.</think><answer>[]</answer>".removeprefix(opening.strip())
    for prefix in ("", "<think>", opening.strip()):
        for think in (True, False):
            prompt = PromptSettings(prefix=prefix, think=think)
            written = rest if "</think>" not in opening else "<answer>[]</answer>"
            paid = score(written, truth, None, prompt).format == 1
            assert paid == (opening_fault(opening, prompt) is None), (opening, prefix, think)


def test_nothing_starts_under_a_prefix_that_is_not_written(
    run_values: dict[str, Any], tiny: Path, tmp_path: Path
) -> None:
    recipe = made_recipe(run_values, model={"name": str(model_that_opens(tiny, tmp_path / "model", "<think>\n"))})
    for start in (run_grpo, run_sft):
        with pytest.raises(RecipeError, match=r"so the format would never be paid; set prompt\.prefix='<think>'"):
            start(recipe, tmp_path / "run")
        assert not (tmp_path / "run").exists()
    with pytest.raises(RecipeError, match=r"set prompt\.prefix='<think>'"):
        measure(recipe, tmp_path / "difficulty.jsonl", samples=2, limit=2)
    found = {finding.check: finding for finding in run_checks(recipe, tmp_path / "run")}
    assert found["opening"].status == "failed"
    assert "set prompt.prefix='<think>'" in found["opening"].line


def test_the_right_prefix_is_checked_and_trained_with(run_values: dict[str, Any], tiny: Path, tmp_path: Path) -> None:
    folder = model_that_opens(tiny, tmp_path / "model", "<think>\n")
    changed = {"model": {"name": str(folder)}, "prompt": {"prefix": "<think>"}, "data": {"held_out_every": 0}}
    recipe = made_recipe(run_values, **changed)
    assert {finding.check: finding.status for finding in run_checks(recipe, tmp_path / "run")}["opening"] == "ok"
    assert run_grpo(recipe, tmp_path / "run").finished
    assert Predictor(folder).prefix == "<think>\n"


def test_a_variable_of_the_template_counts(tiny: Path, tmp_path: Path) -> None:
    folder = model_that_opens(tiny, tmp_path / "model", "{OPEN}")
    template = (folder / "chat_template.jinja").read_text()
    switch = "' }}{%- if thinking is defined and thinking -%}{{- '<think>\\n' -}}{%- endif -%}{{- '"
    (folder / "chat_template.jinja").write_text(template.replace("{OPEN}", switch))
    processor = load_processor(ModelSettings(name=str(folder)))
    assert (opening_of(processor), opening_of(processor, {"thinking": True})) == ("", "<think>\n")
