"""Chat templates that write the beginning of a response: no run starts whose format reward could never be paid."""

import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("trl")

from PIL import Image

from cgc_data.answer import build_messages, format_response, with_thinking
from cgc_train.check import run_checks
from cgc_train.difficulty import measure
from cgc_train.errors import ModelError
from cgc_train.grpo import run_grpo
from cgc_train.model import check_taught, check_template, load_processor, opening
from cgc_train.model.template import prefix_fault
from cgc_train.predict import Predictor, read_prediction
from cgc_train.recipe import ModelSettings, Recipe
from cgc_train.reward import PromptSettings, score
from cgc_train.sft import run_sft
from tests.cgc_train.conftest import made_recipe
from tests.cgc_train.made_rows import made_row

ASSISTANT = "{{- '<|im_start|>assistant\\n' -}}"
OPENS = "{{- '<think>\\n' -}}"
CLOSES = "{{- '<think>\\n\\n</think>\\n\\n' -}}"
SWITCHED = "{%- if enable_thinking is defined and not enable_thinking -%}" + CLOSES + "{%- endif -%}"
# Models that think natively write the tags of a finished response too.
KEEPS = "{%- if message.role == 'assistant' -%}" + OPENS + "{%- endif -%}"
TURN = "{{- '<|im_start|>' + message.role + '\\n' -}}"


def model_with(tiny: Path, folder: Path, written: str, turn: str = "") -> Path:
    """A copy of the tiny model whose template writes something of a response, and of every finished one."""
    shutil.copytree(tiny, folder)
    template = folder / "chat_template.jinja"
    text = template.read_text().replace(ASSISTANT, ASSISTANT + written).replace(TURN, TURN + turn)
    assert written in text
    template.write_text(text)
    return folder


def processor_with(tiny: Path, folder: Path, written: str) -> Any:
    return load_processor(ModelSettings(name=str(model_with(tiny, folder, written))))


@pytest.mark.parametrize(
    ("written", "template", "expected"),
    [
        ("", {}, ""),
        (OPENS, {}, "<think>\n"),
        (CLOSES, {}, "<think>\n\n</think>\n\n"),
        (SWITCHED, {}, ""),
        (SWITCHED, {"enable_thinking": False}, "<think>\n\n</think>\n\n"),
        ("{{- 'Well: ' -}}", {}, ""),
    ],
)
@pytest.mark.parametrize("think", [True, False])
def test_what_a_template_writes_of_a_response(
    tiny: Path, tmp_path: Path, written: str, template: Mapping[str, Any], expected: str, think: bool
) -> None:
    processor = processor_with(tiny, tmp_path / "model", written)
    assert opening(processor, PromptSettings(think=think), **template) == expected


@pytest.mark.parametrize("think", [True, False])
@pytest.mark.parametrize("prefix", ["", "<think>", "<think>\n", "<think>\n\n</think>\n\n"])
@pytest.mark.parametrize("written", ["", "<think>\n", "<think>\n\n</think>\n\n"])
def test_a_fault_is_found_exactly_where_no_response_is_paid_in_full(written: str, prefix: str, think: bool) -> None:
    """Each pair of template and prefix, against the reward of the true answer as a model would finish it."""
    prompt = PromptSettings(think=think, prefix=prefix)
    row = made_row("absent", photo=3, count=2)
    reasoned, plain = format_response([], "I looked."), format_response([], "")
    natural = {"": reasoned if think else plain, "<think>\n": reasoned.removeprefix("<think>")}.get(written, plain)
    fault = prefix_fault(written, prompt)
    paid = score(natural, truth(row), None, prompt).format == 1
    # a model that thinks natively does so whether it is asked to or not; a prefix that nobody wrote would spoil that
    natively = score(reasoned, truth(row), None, prompt).format == 1 or written != ""
    assert (fault == "") == (paid and natively), fault


def truth(row: Mapping[str, Any]) -> Any:
    from cgc_data.metrics import truth_of

    return truth_of(row)


@pytest.mark.parametrize(
    ("written", "asked", "fix"),
    [
        (OPENS, {}, "set prompt.prefix='<think>'"),
        (OPENS, {"think": False}, "set prompt.prefix='<think>'"),
        ("", {"prefix": "<think>"}, "remove prompt.prefix"),
        (CLOSES, {}, "set prompt.think=false"),
        (CLOSES, {"think": False, "prefix": "<think>"}, "set prompt.prefix='<think></think>'"),
    ],
)
def test_check_names_the_fix_and_passes_with_it(
    tiny: Path, run_values: dict[str, Any], tmp_path: Path, written: str, asked: dict[str, Any], fix: str
) -> None:
    model = {"name": str(model_with(tiny, tmp_path / "model", written))}
    found = finding(made_recipe(run_values, model=model, prompt=asked))
    assert found.status == "failed"
    assert str(tmp_path) in found.line
    assert fix in found.line
    setting = re.search(r"prompt\.(\w+)(?:='?(.*?)'?)?$", fix)
    assert setting
    key, value = setting[1], {"false": False, None: ""}.get(setting[2], setting[2])
    assert finding(made_recipe(run_values, model=model, prompt=asked | {key: value})).status == "ok"


def finding(recipe: Recipe) -> Any:
    return next(found for found in run_checks(recipe) if found.check == "template")


def test_check_renders_with_the_settings_of_the_template(
    tiny: Path, run_values: dict[str, Any], tmp_path: Path
) -> None:
    model = {"name": str(model_with(tiny, tmp_path / "model", SWITCHED))}
    thoughtless = {"chat_template_kwargs": {"enable_thinking": False}}
    assert finding(made_recipe(run_values, model=model)).status == "ok"
    assert "prompt.think=false" in finding(made_recipe(run_values, model=model, grpo=thoughtless)).line
    with pytest.raises(ModelError, match="prevents reasoning"):
        measure(made_recipe(run_values, model=model, grpo=thoughtless), tmp_path / "measured.jsonl")


def test_no_run_starts_that_could_not_be_paid(tiny: Path, run_values: dict[str, Any], tmp_path: Path) -> None:
    model = model_with(tiny, tmp_path / "model", OPENS)
    recipe = made_recipe(run_values, model={"name": str(model)})
    for start in (run_grpo, run_sft, measure):
        with pytest.raises(
            ModelError, match=r"model: the chat template writes <think>, .*set prompt\.prefix='<think>'"
        ):
            start(recipe, tmp_path / "run")
        assert not (tmp_path / "run").exists()
    with pytest.raises(ModelError, match=r"remove prompt\.prefix"):
        Predictor(tiny, prefix="<think>")


def test_a_model_that_thinks_natively_trains_with_the_prefix(
    tiny: Path, run_values: dict[str, Any], tmp_path: Path
) -> None:
    model = {"name": str(model_with(tiny, tmp_path / "model", OPENS, KEEPS))}
    data, asked = {"held_out_every": 0}, {"prefix": "<think>"}
    recipe = made_recipe(run_values, model=model, prompt=asked, data=data, grpo={"max_steps": 1}, sft={"max_steps": 1})
    warm = run_sft(recipe, tmp_path / "warm")
    again = made_recipe(run_values, model={"name": str(warm.model_folder)}, prompt=asked, data=data)
    assert run_grpo(again, tmp_path / "run").finished, "the warm-up keeps the template"


def test_a_warm_up_teaches_what_sampling_starts_with(tiny: Path, tmp_path: Path) -> None:
    asked = with_thinking(build_messages("Where is the dog?", 1))
    written = format_response([], "No.").removeprefix("<think>")
    row = {"prompt": asked, "completion": [{"role": "assistant", "content": [{"type": "text", "text": written}]}]}
    kept = load_processor(ModelSettings(name=str(model_with(tiny, tmp_path / "kept", OPENS, KEEPS))))
    check_taught("kept", kept, row)
    with pytest.raises(ModelError, match="dropped: its chat template drops <think> from a finished response"):
        check_taught("dropped", processor_with(tiny, tmp_path / "dropped", OPENS), row)


def test_a_predictor_reads_the_prefix_off_the_template(tiny: Path, tmp_path: Path) -> None:
    predictor = Predictor(model_with(tiny, tmp_path / "model", OPENS))
    assert predictor.prefix == "<think>\n"
    assert predictor.ask([Image.new("RGB", (64, 64))], "dog", max_new_tokens=2).violations
    cut_short = "Perhaps [] or perhaps"
    assert not read_prediction(cut_short, [(64, 64)], prefix=predictor.prefix).readable
    assert Predictor(tiny).prefix == ""


def test_a_template_is_not_asked_for_what_it_may_not_have(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Because transformers warns about every setting that a template does not have."""
    processor = load_processor(ModelSettings(name=str(tiny)))
    render, asked = processor.apply_chat_template, set[str]()

    def recorded(messages: Any, **settings: Any) -> str:
        asked.update(settings)
        return render(messages, **settings)

    monkeypatch.setattr(processor, "apply_chat_template", recorded)
    check_template("tiny", processor, PromptSettings())
    assert asked == {"tokenize", "add_generation_prompt"}


@pytest.mark.parametrize("tag", ["<think>", "</answer>"])
def test_tags_that_are_lost_in_decoding_are_refused(tiny: Path, tag: str) -> None:
    processor = load_processor(ModelSettings(name=str(tiny)))
    check_template("tiny", processor, PromptSettings())
    processor.tokenizer.add_special_tokens({"additional_special_tokens": [tag]})
    with pytest.raises(ModelError, match=f"tiny: the tokenizer removes {tag}"):
        check_template("tiny", processor, PromptSettings())


@pytest.mark.parametrize("template", [None, "{{ raise_exception('only text') }}", "{{ messages[0].content + '!' }}"])
def test_a_template_that_takes_no_images_is_one_line(tiny: Path, tmp_path: Path, template: str | None) -> None:
    processor = processor_with(tiny, tmp_path / "model", "")
    processor.chat_template = template
    with pytest.raises(ModelError, match="no chat template that supports images") as caught:
        opening(processor)
    assert "\n" not in str(caught.value)
