"""Asks a trained model a question about several images, and returns the objects that the model finds.

Each object has a box in pixels of the original image.

The model runs in this process and answers one prompt at a time. To answer many rows, use `cgc_train.generate`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageOps, UnidentifiedImageError

from cgc_data.answer import ANSWER_FORM, Violation, build_messages, read_answer, with_thinking
from cgc_data.answer.wording import ask
from cgc_data.geometry import from_thousand
from cgc_data.tasks.inter.locate_all import LOCATE_ALL
from cgc_data.vocabulary import readable
from cgc_train.errors import PredictionsError
from cgc_train.generate import ImageLike, generate
from cgc_train.model import check_template, load_processor, load_trained, opening
from cgc_train.recipe import ModelSettings
from cgc_train.reward.settings import PromptSettings

# Maximum number of pixels per image as the model sees it, the same as in the 8B recipes.
MAX_PIXELS = 409_600
FEWEST, MOST = 1, 16


@dataclass(frozen=True)
class GroundedObject:
    """An object in one of the images.

    Attributes:
        img_idx: number of the image, from 1.
        label: the label exactly as the model wrote it.
        bbox_2d: x1, y1, x2, y2, as integers from 0 to 1000 relative to the image size.
        bbox_px: x1, y1, x2, y2 in pixels of the upright input image.
    """

    img_idx: int
    label: str
    bbox_2d: tuple[int, int, int, int]
    bbox_px: tuple[float, float, float, float]


@dataclass(frozen=True)
class Prediction:
    """A model's answer.

    Attributes:
        objects: the well-formed objects, in the order of the answer. Empty if the answer is not `readable`.
        reasoning: the text inside the think tags.
        response: the complete response.
        readable: whether the answer contains a list, which may be `[]`.
        violations: violations of the strict answer format.
    """

    objects: tuple[GroundedObject, ...]
    reasoning: str
    response: str
    readable: bool
    violations: tuple[Violation, ...]


class Predictor:
    """A model that locates objects in several images.

    Args:
        name: the folder of a trained model, a merged model, or an adapter. A model id on the Hub also works.
        think: whether to ask for a reasoning trace. Use False for a model that was trained without reasoning.
        max_pixels: maximum number of pixels per image. The model gets smaller copies of larger images, but the returned
            boxes still refer to the original size.
        dtype: type of the weights, `float32` or `bfloat16`.
        revision: commit or tag of a model on the Hub; None: the newest.
        prefix: text that the model's chat template writes at the start of a response, such as `<think>`; None: read
            this text from the template.

    Raises:
        ModelError: the weights or the processor cannot be loaded, or the chat template conflicts with `think`.
    """

    def __init__(
        self,
        name: str | Path,
        *,
        think: bool = True,
        max_pixels: int = MAX_PIXELS,
        dtype: str = "float32",
        revision: str | None = None,
        prefix: str | None = None,
    ) -> None:
        self.think = think
        self.processor = load_processor(ModelSettings(name=str(name), revision=revision), max_pixels)
        stated = opening(self.processor) if prefix is None else prefix
        self.prefix = check_template(str(name), self.processor, PromptSettings(think=think, prefix=stated))
        self.model = load_trained(name, dtype=dtype, revision=revision)

    def ask(
        self,
        images: Sequence[ImageLike],
        label: str | None = None,
        *,
        question: str | None = None,
        max_new_tokens: int = 512,
    ) -> Prediction:
        """Find every `label` in the images, or answer a custom `question`.

        Args:
            images: one to sixteen file paths or PIL images. EXIF rotation is applied.
            label: a category in English, such as "dog". The model gets a question with this label, worded as in the
                data sets.
            question: a custom question instead of a label. Instructions for the answer format are appended to the
                question.
            max_new_tokens: maximum length of the answer, in tokens.

        Raises:
            PredictionsError: the number of images is not from one to sixteen, an image cannot be read, or you did not
                pass exactly one of `label` and `question`.
        """
        shown = [upright(image) for image in images]
        if not FEWEST <= len(shown) <= MOST:
            raise PredictionsError(f"{len(shown)} images given; give {FEWEST} to {MOST}")
        messages = build_messages(_question(label, question, len(shown)), len(shown))
        prompt = with_thinking(messages, require_think=self.think)
        response = generate(self.model, self.processor, [prompt], [shown], max_new_tokens=max_new_tokens)[0][0]
        return read_prediction(response, [image.size for image in shown], think=self.think, prefix=self.prefix)


def read_prediction(
    response: str, sizes: Sequence[tuple[int, int]], *, think: bool = True, prefix: str = ""
) -> Prediction:
    """Parse a response. `sizes` contains the (width, height) of each image in pixels."""
    reading = read_answer(response, len(sizes), require_think=think, prefix=prefix)
    objects = tuple(
        GroundedObject(item.img_idx, item.label, item.bbox_2d, from_thousand(item.bbox_2d, *sizes[item.img_idx - 1]))
        for item in reading.objects
    )
    thought = (prefix + response).partition("<think>")[2].partition("</think>")[0].strip()
    return Prediction(objects, thought, response, reading.readable, reading.violations)


def upright(image: ImageLike) -> Image.Image:
    """Load an image in RGB and apply its EXIF rotation. Raises PredictionsError if the image cannot be read."""
    if isinstance(image, Image.Image):
        return ImageOps.exif_transpose(image).convert("RGB")
    try:
        with Image.open(image) as opened:
            return ImageOps.exif_transpose(opened).convert("RGB")
    except FileNotFoundError:
        raise PredictionsError(f"{image}: no such image; check the path") from None
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise PredictionsError(f"{image}: not a readable image ({error}); save it again as JPEG or PNG") from None


def _question(label: str | None, question: str | None, count: int) -> str:
    if (label is None) == (question is None):
        raise PredictionsError("pass exactly one of label and question")
    if question is not None:
        return f"{question.strip()} {ANSWER_FORM}"
    name = readable(str(label))
    if count == 1:
        return f'Find every {name.counted} in the image. {ANSWER_FORM} Write the label as "{name.singular}".'
    return ask(LOCATE_ALL.pool, 0, [name], count_images=count)
