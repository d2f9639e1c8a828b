"""Contact sheets: pictures that show a few samples each, so that you can inspect a release without a browser."""

import io
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Literal, NamedTuple

import matplotlib
from PIL import Image, ImageDraw, ImageFont

from cgc_data.common.errors import PhotoError, ReleaseError
from cgc_data.images import photo_size
from cgc_data.look.sample import Box, Sample, View
from cgc_data.release.inside import file_name

WIDTH, MARGIN, GAP = 1600, 24, 12
MOST_HEIGHT = 330  # height of a row of views
SAMPLES_A_SHEET = 4
TARGET, GIVEN = "#ff2e63", "#0097b2"


PictureFormat = Literal["jpeg", "webp", "png"]
ENDINGS: dict[PictureFormat, str] = {"jpeg": "jpg", "webp": "webp", "png": "png"}
# Encoding qualities at which text stays legible.
SAVED: dict[PictureFormat, dict[str, int]] = {"jpeg": {"quality": 85}, "webp": {"quality": 80, "method": 2}, "png": {}}


class Style(NamedTuple):
    """Style of a text: color, size in pixels, and weight.

    If the text is white on a colored plate, `color` is the color of the plate.
    """

    color: str
    size: int
    bold: bool = False

    @property
    def font(self) -> ImageFont.FreeTypeFont:
        """The font of this size and weight, loaded once."""
        return _font(self.size, self.bold)


ABOUT, QUESTION, ANSWER = Style("#667085", 15), Style("#1d2330", 21, True), Style("#1d2330", 15)
SAFE, ALARM, SOURCE = Style("#12805c", 14), Style("#c4122f", 14, True), Style("#667085", 13)
NUMBER = Style("#10182b", 16, True)


def write_sheets(samples: dict[str, list[Sample]], folder: Path, kind: PictureFormat = "jpeg") -> list[Path]:
    """Write the sheets `CONTRAST-TASK-01.jpg` and so on into `folder`, and return their paths."""
    folder.mkdir(parents=True)
    written = []
    for task, found in samples.items():
        rest = iter(enumerate(found, 1))
        for number in range(1, -(-len(found) // SAMPLES_A_SHEET) + 1):
            strips = [_strip(sample, place) for place, sample in islice(rest, SAMPLES_A_SHEET)]
            written.append(folder / f"{file_name(task.replace('/', '-'))}-{number:02d}.{ENDINGS[kind]}")
            _stack(strips).save(written[-1], kind, **SAVED[kind])
    return written


def _strip(sample: Sample, place: int) -> Image.Image:
    """A picture of one sample: a summary line, the question, the views with their captions, and the answer. All views
    in a line have the same height.
    """
    canvas = Image.new("RGB", (WIDTH, 2000), "white")
    draw = ImageDraw.Draw(canvas)
    about = (str(place), sample.kind, sample.split, ", ".join(sample.labels), sample.distractors, sample.id)
    y = _write(draw, (MARGIN, 14), " · ".join(filter(None, about)), ABOUT)
    y = _write(draw, (MARGIN, y + 4), sample.question, QUESTION)
    for line in sample.lines:
        y = _draw_line(canvas, line, y + 8)
    y = _write(draw, (MARGIN, y + 8), f"Answer  {sample.answer}", ANSWER)
    return canvas.crop((0, 0, WIDTH, y + 14))


def _draw_line(canvas: Image.Image, views: tuple[View, ...], y: int) -> int:
    room = WIDTH - 2 * MARGIN - GAP * (len(views) - 1)
    height = min(MOST_HEIGHT, int(room / sum(view.aspect for view in views)))
    x, bottom = MARGIN, y + height
    for view in views:
        picture = _picture(view, height)
        canvas.paste(picture, (x, y))
        bottom = max(bottom, _caption(ImageDraw.Draw(canvas), view, (x, y + height + 4), picture.width))
        x += picture.width + GAP
    return bottom


def _picture(view: View, height: int) -> Image.Image:
    scale = height / view.height
    size = max(round(view.width * scale), 1), height
    with decoded(view) as stored:
        picture: Image.Image = stored.convert("RGB").resize(size, Image.Resampling.LANCZOS)
    draw = ImageDraw.Draw(picture)
    for box in view.boxes:
        _draw_box(draw, box, scale, picture.width)
    _label(draw, (6, height - 27), f"Image {view.number}", NUMBER, picture.width)
    return picture


@contextmanager
def decoded(view: View) -> Iterator[Image.Image]:
    """The picture of a view. Raises ReleaseError if the picture cannot be decoded."""
    try:
        photo_size(view.content)
        with Image.open(io.BytesIO(view.content)) as stored:
            yield stored
    except (OSError, SyntaxError, ValueError, PhotoError) as error:
        raise ReleaseError(f"a view of {view.file_name} cannot be decoded ({error}); build the release again") from None


def _draw_box(draw: ImageDraw.ImageDraw, box: Box, scale: float, width: int) -> None:
    color = GIVEN if box.is_reference else TARGET
    x1, y1, x2, y2 = (value * scale for value in box.rect)
    for grow, line, ink in ((2, 1, "white"), (1, 3, color)):
        draw.rectangle((x1 - grow, y1 - grow, x2 - 1 + grow, y2 - 1 + grow), outline=ink, width=line)
    _label(draw, (x1 - 1, y1 - 20 if y1 >= 20 else y1), box.tag, Style(color, 14), width)


def _label(draw: ImageDraw.ImageDraw, at: tuple[float, float], text: str, style: Style, width: int) -> None:
    """Draw white text on a colored plate, shifted left if it would extend past the edge of the picture."""
    text = _printable(text)
    left, _, right, bottom = style.font.getbbox(text)
    x, y = max(0.0, min(at[0], width - (right - left) - 10)), at[1]
    draw.rounded_rectangle((x, y, x + right - left + 10, y + bottom + 4), 3, fill=style.color)
    draw.text((x + 5, y + 1), text, "white", style.font)


def _caption(draw: ImageDraw.ImageDraw, view: View, at: tuple[int, int], width: int) -> int:
    x, y = at
    for reason in view.why:
        y = _write(draw, (x, y), reason, SAFE, width)
    if view.unwarranted:
        y = _write(draw, (x, y), "NO TARGET AND NO EVIDENCE OF ABSENCE", ALARM, width)
    return _write(draw, (x, y), f"{view.role} · {view.license}", SOURCE, width)


def _write(
    draw: ImageDraw.ImageDraw, at: tuple[int, int], text: str, style: Style, width: int = WIDTH - 2 * MARGIN
) -> int:
    """Draw text wrapped to about `width` pixels, and return the y coordinate below the text."""
    x, y = at
    letters = max(int(width / style.font.getlength("n") * 1.05), 12)
    for line in textwrap.wrap(_printable(text), letters) or [""]:
        draw.text((x, y), line, style.color, style.font)
        y += round(style.size * 1.32)
    return y


def _printable(text: str) -> str:
    """The text, with placeholders for control characters and other characters that cannot be drawn."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text)


def _stack(strips: list[Image.Image]) -> Image.Image:
    sheet = Image.new("RGB", (WIDTH, sum(strip.height + 8 for strip in strips) - 8), "#d9dde3")
    y = 0
    for strip in strips:
        sheet.paste(strip, (0, y))
        y += strip.height + 8
    return sheet


@cache
def _font(size: int, bold: bool = False) -> ImageFont.FreeTypeFont:
    """The DejaVu Sans font that matplotlib includes, so that text looks identical on every system."""
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return ImageFont.truetype(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / name, size)
