"""Typed objects from a model's answer: in the right image, in pixels of the image that was given."""

from pathlib import Path

import pytest

pytest.importorskip("trl")

from click.testing import CliRunner
from PIL import Image

from cgc_data.answer import Object, format_response
from cgc_train.cli import cli
from cgc_train.errors import ModelError, PredictionsError
from cgc_train.generate import generate, visual_token_ids
from cgc_train.model import load_base, load_processor, load_trained
from cgc_train.picture import draw_prediction
from cgc_train.predict import Predictor, read_prediction, upright
from cgc_train.recipe import ModelSettings


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A photo that is stored lying on its side."""
    path = tmp_path / "photo.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (200, 100), "green").save(path, exif=exif)
    return path


def test_boxes_are_in_pixels_of_their_own_image() -> None:
    response = format_response([Object(2, (100, 200, 500, 1000), "dog")], "It is in Image 2.")
    found = read_prediction(response, [(640, 480), (1000, 200)])
    assert [(item.img_idx, item.bbox_px) for item in found.objects] == [(2, (100.0, 40.0, 500.0, 200.0))]
    assert found.reasoning == "It is in Image 2."
    assert not found.violations


def test_what_cannot_be_read_is_not_nothing() -> None:
    assert read_prediction(format_response([], "No."), [(9, 9)]).readable
    assert not read_prediction("There is a dog.", [(9, 9)]).readable


def test_photos_are_turned_upright(photo: Path) -> None:
    assert upright(photo).size == (100, 200)


def test_a_model_is_asked(tiny: Path, photo: Path, tmp_path: Path) -> None:
    predictor = Predictor(tiny, max_pixels=4096)
    found = predictor.ask([photo, Image.new("RGB", (300, 200))], "dog", max_new_tokens=4)
    assert found.response == predictor.ask([photo, Image.new("RGB", (300, 200))], "dog", max_new_tokens=4).response
    with pytest.raises(PredictionsError, match="0 images"):
        predictor.ask([], "dog")
    with pytest.raises(PredictionsError, match="exactly one of label and question"):
        predictor.ask([photo], "dog", question="Where?")


def test_samples_are_drawn_by_the_seed_and_never_of_pixels(tiny: Path) -> None:
    settings = ModelSettings(name=str(tiny), dtype="float32")
    processor, model = load_processor(settings, 4096), load_base(settings)
    talk = [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "?"}]}]
    asked = {"max_new_tokens": 8, "temperature": 3.0, "samples": 3}
    images = [[Image.new("RGB", (64, 64))], [Image.new("RGB", (32, 96))]]
    drawn = generate(model, processor, [talk, talk], images, seed=1, **asked)
    assert drawn == generate(model, processor, [talk, talk], images, seed=1, **asked)
    assert drawn != generate(model, processor, [talk, talk], images, seed=2, **asked)
    assert [len(samples) for samples in drawn] == [3, 3]
    assert visual_token_ids(processor)


def test_a_picture_is_drawn(tmp_path: Path) -> None:
    images = [Image.new("RGB", (64, 48)), Image.new("RGB", (48, 64))]
    found = read_prediction(format_response([Object(1, (0, 0, 500, 500), "cup")], "."), [i.size for i in images])
    with Image.open(draw_prediction(images, found, "cup", tmp_path / "found.png")) as drawn:
        assert drawn.width > drawn.height


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["{model}", "missing.jpg", "--find", "dog"], "missing.jpg: no such image"),
        (["{model}", "{text}", "--find", "dog"], "not a readable image"),
        (["{model}", "{photo}"], "pass either --find LABEL or --question TEXT"),
        (["./nowhere", "{photo}", "--find", "dog"], "./nowhere: no such folder"),
        (["{model}", "{photo}", "--find", "dog", "--to", "{text}"], "exists already"),
    ],
)
def test_the_demo_refuses_in_one_line(arguments: list[str], says: str, tiny: Path, photo: Path, tmp_path: Path) -> None:
    text = tmp_path / "text.jpg"
    text.write_text("no image")
    places = {"model": tiny, "photo": photo, "text": text}
    shown = CliRunner().invoke(cli, ["demo", *(part.format(**places) for part in arguments)])
    assert isinstance(shown.exception, (PredictionsError, ModelError))
    assert says in str(shown.exception)
    assert "\n" not in str(shown.exception)


def load_folder_processor(folder: Path) -> object:
    return load_processor(ModelSettings(name=str(folder)))


@pytest.mark.parametrize("kept", [["config.json"], ["processor_config.json"], []])
def test_incomplete_model_folders_are_told(kept: list[str], tiny: Path, tmp_path: Path) -> None:
    for name in kept:
        (tmp_path / name).write_bytes((tiny / name).read_bytes())
    load = load_trained if "processor_config.json" in kept else load_folder_processor
    with pytest.raises(ModelError, match=str(tmp_path)):
        load(tmp_path)
