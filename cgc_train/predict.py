"""Ask a trained model about several images and get typed objects back, with boxes in pixels of the images given.

One prompt at a time and no server: for many rows at once use `cgc_train.generate`.
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

# Pixels of an image as the model sees it, as in the 8B recipes.
MAX_PIXELS = 409_600
FEWEST, MOST = 1, 16


@dataclass(frozen=True)
class GroundedObject:
    """One object in one of the images.

    Attributes:
        img_idx: of the image, from 1.
        label: as the model wrote it.
        bbox_2d: x1, y1, x2, y2, integers 0-1000 of the image.
        bbox_px: x1, y1, x2, y2 in pixels of the image given, upright.
    """

    img_idx: int
    label: str
    bbox_2d: tuple[int, int, int, int]
    bbox_px: tuple[float, float, float, float]


@dataclass(frozen=True)
class Prediction:
    """What a model answered.

    Attributes:
        objects: well-formed objects, in the order written; empty too where nothing could be read, see `readable`.
        reasoning: the text inside the think tags.
        response: all that it wrote.
        readable: whether there was a list to read; `[]` is one.
        violations: of the strict form.
    """

    objects: tuple[GroundedObject, ...]
    reasoning: str
    response: str
    readable: bool
    violations: tuple[Violation, ...]


class Predictor:
    """A model that answers where things are in several images.

    Args:
        name: folder of a run's model, of a merged model or of an adapter, or an id on the Hub.
        think: ask for a reasoning trace; False for a model trained without.
        max_pixels: of an image as the model sees it; larger ones are shrunk for the model alone.
        dtype: of the weights, `float32` or `bfloat16`.
        revision: commit or tag of a model on the Hub; None takes the newest.
        prefix: what the model's chat template writes of the response already, such as `<think>`; None reads it off
            the template.

    Raises:
        ModelError: weights or processor cannot be loaded, or the template leaves no room for what is asked.
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
        """Where every `label` is in the images, or the answer to a `question` of your own.

        Args:
            images: one to sixteen files or PIL images; turned upright as their EXIF data says.
            label: a category in English, such as "dog"; asked for as the data sets ask.
            question: instead of a label; the form of the answer is added to it.
            max_new_tokens: after which the answer is cut.

        Raises:
            PredictionsError: no image, too many, an unreadable one, or neither label nor question.
        """
        shown = [upright(image) for image in images]
        if not FEWEST <= len(shown) <= MOST:
            raise PredictionsError(f"{len(shown)} images: give {FEWEST} to {MOST}")
        messages = build_messages(_question(label, question, len(shown)), len(shown))
        prompt = with_thinking(messages, require_think=self.think)
        response = generate(self.model, self.processor, [prompt], [shown], max_new_tokens=max_new_tokens)[0][0]
        return read_prediction(response, [image.size for image in shown], think=self.think, prefix=self.prefix)


def read_prediction(
    response: str, sizes: Sequence[tuple[int, int]], *, think: bool = True, prefix: str = ""
) -> Prediction:
    """The typed reading of a response to images of these sizes (width, height in pixels)."""
    reading = read_answer(response, len(sizes), require_think=think, prefix=prefix)
    objects = tuple(
        GroundedObject(item.img_idx, item.label, item.bbox_2d, from_thousand(item.bbox_2d, *sizes[item.img_idx - 1]))
        for item in reading.objects
    )
    thought = (prefix + response).partition("<think>")[2].partition("</think>")[0].strip()
    return Prediction(objects, thought, response, reading.readable, reading.violations)


def upright(image: ImageLike) -> Image.Image:
    """The image in RGB, turned as its EXIF data says. Raises PredictionsError where it cannot be read."""
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
        raise PredictionsError("say either what to find (a label) or a question, not both")
    if question is not None:
        return f"{question.strip()} {ANSWER_FORM}"
    name = readable(str(label))
    if count == 1:
        return f'Find every {name.counted} in the image. {ANSWER_FORM} Write the label as "{name.singular}".'
    return ask(LOCATE_ALL.pool, 0, [name], count_images=count)
