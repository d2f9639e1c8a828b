"""Images of a batch are processed once each, and come out as if each copy had been."""

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("trl")

import torch
from PIL import Image

from cgc_train.model import load_processor
from cgc_train.model.once import each_image_once
from cgc_train.recipe import ModelSettings

SIZES = ((96, 64), (64, 64), (128, 96))
PROMPTS = ([0, 1], [0, 1], [2], [2, 0], [1, 1])


@pytest.fixture
def processor(tiny: Path) -> Any:
    return load_processor(ModelSettings(name=str(tiny)), 4096 * 4)


@pytest.fixture
def paths(tmp_path: Path) -> list[str]:
    found = []
    for number, size in enumerate(SIZES):
        path = tmp_path / f"{number}.png"
        Image.effect_mandelbrot(size, (-2, -1.5, 1, 1.5), 20 + number).convert("RGB").save(path)
        found.append(str(path))
    return found


def both(processor: Any, images: list[list[Any]]) -> tuple[dict[str, Any], dict[str, Any], int]:
    """What a processor gives of such images, what it gives processing each once, and how many it then processed."""
    inner, seen = processor.image_processor, 0
    preprocess = inner.preprocess

    def counted(shown: list[Any], *given: Any, **settings: Any) -> Any:
        nonlocal seen
        seen += len(shown)
        return preprocess(shown, *given, **settings)

    asked = {"text": ["<|image_pad|>" * len(shown) for shown in images], "padding": True, "return_tensors": "pt"}
    plain = processor(images=images, **asked)
    inner.preprocess = counted
    with each_image_once(processor):
        once = processor(images=images, **asked)
    assert processor.image_processor is inner
    return plain, once, seen


@pytest.mark.parametrize("opened", [False, True], ids=["paths", "opened images"])
def test_each_image_is_processed_once_and_repeated_in_order(processor: Any, paths: list[str], opened: bool) -> None:
    given: list[Any] = [Image.open(path).convert("RGB") for path in paths] if opened else paths
    plain, once, seen = both(processor, [[given[place] for place in prompt] for prompt in PROMPTS])
    assert plain.keys() == once.keys()
    assert all(torch.equal(plain[key], once[key]) for key in plain)
    assert seen == len(SIZES)


def test_images_that_all_differ_pass_through(processor: Any, paths: list[str]) -> None:
    plain, once, seen = both(processor, [[path] for path in paths])
    assert all(torch.equal(plain[key], once[key]) for key in plain)
    assert seen == len(SIZES)
