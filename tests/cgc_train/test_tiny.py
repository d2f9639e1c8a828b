"""The tiny model is a real Qwen3-VL in all but size: stock classes load it, and it is the same for the same seed."""

from pathlib import Path

import pytest

pytest.importorskip("trl")

import torch
from click.testing import CliRunner
from PIL import Image
from safetensors.torch import load_file
from transformers import AutoModelForImageTextToText, AutoProcessor
from transformers.core_model_loading import PrefixChange

from benchmarks.learning import kinds_shown
from cgc_data.answer import ANSWER_FORM, Object, build_messages, format_response, read_answer, with_thinking
from cgc_data.answer.wording import ask
from cgc_data.painter import paint
from cgc_data.vocabulary import readable
from cgc_train.cli import cli
from cgc_train.errors import ModelError
from cgc_train.generate import generate
from cgc_train.model.load import keep_names
from cgc_train.tiny import write_tiny, write_warm


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_weights_are_saved_under_the_names_they_were_loaded_by(tiny: Path, tmp_path: Path) -> None:
    """Loading under ZeRO-3 leaves renamings with a model that none of its weights needed."""
    model = AutoModelForImageTextToText.from_pretrained(tiny)
    unused = PrefixChange(prefix_to_remove="model", model_prefix="model.language_model")
    model._weight_conversions = [unused]
    model.save_pretrained(tmp_path / "renamed")
    keep_names(model)
    model.save_pretrained(tmp_path / "kept")
    names = [set(load_file(folder / "model.safetensors")) for folder in (tiny, tmp_path / "kept", tmp_path / "renamed")]
    assert names[0] == names[1] != names[2]


def test_the_same_seed_gives_the_same_bytes(tiny: Path, tmp_path: Path) -> None:
    assert content(write_tiny(tmp_path / "again")) == content(tiny)
    other = content(write_tiny(tmp_path / "other", seed=1))
    assert other["model.safetensors"] != content(tiny)["model.safetensors"]


def test_stock_classes_load_it_and_it_answers_several_images(tiny: Path) -> None:
    processor, model = AutoProcessor.from_pretrained(tiny), AutoModelForImageTextToText.from_pretrained(tiny)
    assert model.config.model_type == "qwen3_vl"
    assert sum(parameter.numel() for parameter in model.parameters()) < 1_000_000
    prompt = processor.apply_chat_template(
        with_thinking(build_messages("Where is it?", 3)), tokenize=False, add_generation_prompt=True
    )
    images = [Image.new("RGB", size, "red") for size in ((64, 64), (96, 64), (128, 128))]
    inputs = processor(text=[prompt], images=images, return_tensors="pt")
    tokens = (inputs["input_ids"] == model.config.image_token_id).sum()
    assert tokens == (2 * 2) + (3 * 2) + (4 * 4), "one token for 32 x 32 pixels"
    assert model.generate(**inputs, max_new_tokens=3).shape[1] == inputs["input_ids"].shape[1] + 3


def test_with_real_tokens_images_have_the_ids_of_the_real_model(tiny: Path, tmp_path: Path) -> None:
    folder = write_tiny(tmp_path / "real", real_tokens=True, head_size=32)
    processor, model = AutoProcessor.from_pretrained(folder), AutoModelForImageTextToText.from_pretrained(folder)
    assert (model.config.image_token_id, processor.tokenizer.eos_token_id) == (151655, 151645)
    assert (len(processor.tokenizer), model.get_input_embeddings().num_embeddings) == (151669, 151936)
    inputs = processor(text=["<|image_pad|>" + ANSWER_FORM], images=[Image.new("RGB", (64, 64))], return_tensors="pt")
    assert (inputs["input_ids"] == 151655).sum() == 2 * 2
    assert model.generate(**inputs, max_new_tokens=3).shape[1] == inputs["input_ids"].shape[1] + 3
    usual = AutoProcessor.from_pretrained(tiny).tokenizer
    assert processor.tokenizer(ANSWER_FORM)["input_ids"] == usual(ANSWER_FORM)["input_ids"], "texts are as long"


def test_its_template_takes_strings_and_parts(tiny: Path) -> None:
    processor = AutoProcessor.from_pretrained(tiny)
    assert processor.tokenizer.padding_side == "left"
    plain = processor.apply_chat_template([{"role": "user", "content": "Hello"}], tokenize=False)
    assert plain == "<|im_start|>user\nHello<|im_end|>\n"
    parts = [{"role": "user", "content": [{"type": "image", "text": None}, {"type": "text", "text": "Hello"}]}]
    shown = processor.apply_chat_template(parts, tokenize=False, add_generation_prompt=True)
    assert shown.count("<|image_pad|>") == 1
    assert shown.endswith("<|im_start|>assistant\n")


@pytest.mark.parametrize(
    "text",
    [
        format_response([Object(2, (305, 67, 849, 912), "teddy bear")], "Image 2 shows it."),
        format_response([]),
        ANSWER_FORM,
        "Häuser, 家, 🙂 and <unheard of> tags",
    ],
)
def test_its_tokenizer_gives_every_text_back(tiny: Path, text: str) -> None:
    tokenizer = AutoProcessor.from_pretrained(tiny).tokenizer
    assert tokenizer.decode(tokenizer(text)["input_ids"], skip_special_tokens=True) == text


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(ModelError, match="not an empty folder"):
        write_tiny(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_the_warmed_up_one_is_the_same_whenever_it_is_written(tmp_path: Path) -> None:
    first, again = (content(write_warm(tmp_path / name)) for name in ("first", "again"))
    assert first == again
    weights = load_file(tmp_path / "first" / "model.safetensors")
    assert {weight.dtype for weight in weights.values()} == {torch.float32}
    with pytest.raises(ModelError, match="not an empty folder"):
        write_warm(tmp_path / "first")


def test_the_warmed_up_one_answers_in_the_form_that_is_asked_for(tmp_path: Path) -> None:
    """Of painted photos that it has not seen; what it is worth is measured by benchmarks/demo_learns.py."""
    paint("single", tmp_path / "photos", photos=16, seed=5)
    photos = sorted((tmp_path / "photos" / "images" / "train2017").iterdir())
    images = [(first, second) for first, second in zip(photos[::2], photos[1::2], strict=True)]
    write_warm(tmp_path / "warm")
    shown = [kinds_shown(tmp_path)[first.name] for first, _ in images]
    asked = [with_thinking(build_messages(ask("locate", 0, [readable(kind)], count_images=2), 2)) for kind in shown]
    model = AutoModelForImageTextToText.from_pretrained(tmp_path / "warm")
    processor = AutoProcessor.from_pretrained(tmp_path / "warm")
    answers = generate(model, processor, asked, images, max_new_tokens=160)
    readings = [read_answer(answer, 2) for (answer,) in answers]
    assert sum(reading.valid for reading in readings) >= 6
    boxes = [item.label == kind for reading, kind in zip(readings, shown, strict=True) for item in reading.objects]
    assert sum(boxes) > len(boxes) / 2


def test_the_command_writes_it_and_takes_no_shape_of_its_own(tmp_path: Path) -> None:
    done = CliRunner().invoke(cli, ["tiny", "--warm", str(tmp_path / "warm")])
    assert done.exit_code == 0, done.output
    assert content(tmp_path / "warm") == content(write_warm(tmp_path / "same"))
    refused = CliRunner().invoke(cli, ["tiny", "--warm", "--seed", "1", str(tmp_path / "other")])
    assert refused.exit_code == 2
    assert not (tmp_path / "other").exists()
