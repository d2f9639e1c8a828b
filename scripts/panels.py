"""Draws panels (pictures with boxes and text), and arranges them into the pictures in docs/."""

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw

from cgc_data.look.sheets import Style

WIDTH, GAP, NARROWEST = 960, 12, 190
TEXT, HEAD = Style("#1d2330", 14), Style("#1d2330", 16, True)
Line = tuple[str, Style]
Rect = tuple[float, float, float, float]
Mark = tuple[Rect, str, str]


@dataclass(frozen=True)
class Panel:
    """A picture with lines of text below it. Each box has pixel coordinates in the picture, a color, and a tag."""

    picture: Image.Image
    lines: tuple[Line, ...]
    boxes: tuple[Mark, ...] = ()

    @property
    def aspect(self) -> float:
        """Width over height."""
        return self.picture.width / self.picture.height

    def drawn(self, height: int) -> Image.Image:
        """The picture scaled to a height, with its boxes."""
        scale = height / self.picture.height
        shown = self.picture.resize((round(self.aspect * height), height), Image.Resampling.LANCZOS)
        for (x1, y1, x2, y2), color, tag in self.boxes:
            outline(shown, (x1 * scale, y1 * scale, x2 * scale, y2 * scale), color, tag)
        return shown


def wrapped(text: str, style: Style, width: float) -> list[str]:
    """Wrap text into lines that fit the width in pixels."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and style.font.getlength(longer) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def write(canvas: Image.Image, at: tuple[int, int], lines: Iterable[Line], width: int) -> int:
    """Write wrapped lines. Returns the y coordinate below the last line."""
    x, y = at
    for text, style in lines:
        for line in wrapped(text, style, width):
            ImageDraw.Draw(canvas).text((x, y), line, style.color, style.font)
            y += round(style.size * 1.35)
    return y


def strip(
    panels: Sequence[Panel], heads: Iterable[Line] = (), feet: Iterable[Line] = (), most: int = 250
) -> Image.Image:
    """Panels side by side at equal height, with text above and below."""
    canvas = Image.new("RGB", (WIDTH, 1600), "white")
    y = write(canvas, (GAP, GAP), heads, WIDTH - 2 * GAP) + 4
    room = WIDTH - GAP * (len(panels) + 1)
    height = min(most, int(room / sum(panel.aspect for panel in panels)))
    x, bottom = GAP, y
    for panel in panels:
        shown = panel.drawn(height)
        canvas.paste(shown, (x, y))
        width = max(shown.width, NARROWEST)
        bottom = max(bottom, write(canvas, (x, y + height + 4), panel.lines, width))
        x += width + GAP
    return canvas.crop((0, 0, WIDTH, write(canvas, (GAP, bottom + 4), feet, WIDTH - 2 * GAP) + GAP))


def stack(*strips: Image.Image) -> Image.Image:
    """Stack strips vertically."""
    whole = Image.new("RGB", (WIDTH, sum(s.height + 2 for s in strips) - 2), "#d0d5dd")
    y = 0
    for part in strips:
        whole.paste(part, (0, y))
        y += part.height + 2
    return whole


def outline(picture: Image.Image, box: Rect, color: str, tag: str) -> None:
    """Draw a box and its tag on the picture."""
    draw, style = ImageDraw.Draw(picture), Style(color, 13, True)
    x1, y1, x2, y2 = box
    draw.rectangle((x1 - 2, y1 - 2, x2 + 1, y2 + 1), outline="white", width=1)
    draw.rectangle((x1 - 1, y1 - 1, x2, y2), outline=color, width=2)
    if tag:
        length = style.font.getlength(tag) + 8
        left, top = max(min(x1 - 1, picture.width - length), 0), y1 - 19 if y1 > 19 else y1
        draw.rectangle((left, top, left + length, top + 18), fill=color)
        draw.text((left + 4, top + 1), tag, "white", style.font)


def decoded(content: bytes) -> Image.Image:
    with Image.open(io.BytesIO(content)) as stored:
        picture: Image.Image = stored.convert("RGB")
        return picture


def beside(panel: Panel, width: int = 360) -> Image.Image:
    """A panel with its lines of text to the right of the picture."""
    canvas = Image.new("RGB", (WIDTH, 900), "white")
    height = round(width / panel.aspect)
    canvas.paste(panel.drawn(height), (GAP, GAP))
    bottom = write(canvas, (width + 3 * GAP, GAP), panel.lines, WIDTH - width - 4 * GAP)
    return canvas.crop((0, 0, WIDTH, max(bottom, height + GAP) + GAP))
