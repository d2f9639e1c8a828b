"""Draws a prediction: all images side by side, with the box and label of each predicted object."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image

from cgc_train.predict import Prediction

COLOURS = ("#ff2e63", "#00b8d9", "#12a150", "#e08700", "#8b5cf6", "#d61f9c")
INCHES = 3.6  # height of each drawn image


def draw_prediction(images: Sequence[Image.Image], prediction: Prediction, title: str, path: Path) -> Path:
    """Write a PNG of the images with the predicted boxes. `images` must be upright and in the order of the prompt."""
    aspects = [image.width / image.height for image in images]
    figure = Figure(figsize=(max(sum(aspects) * INCHES, 4), INCHES + 0.7), layout="constrained")
    figure.suptitle(title, fontsize=11)
    panels = figure.subplots(1, len(images), width_ratios=aspects, squeeze=False)[0]
    for number, (axes, image) in enumerate(zip(panels, images, strict=True), 1):
        axes.imshow(image)
        axes.set_axis_off()
        axes.set_title(f"Image {number}", fontsize=10)
        for place, item in enumerate(item for item in prediction.objects if item.img_idx == number):
            colour = COLOURS[place % len(COLOURS)]
            x1, y1, x2, y2 = item.bbox_px
            for ink, width in (("white", 4.0), (colour, 2.2)):
                axes.add_patch(Rectangle((x1, y1), x2 - x1, y2 - y1, fill=False, edgecolor=ink, linewidth=width))
            plate = {"facecolor": colour, "edgecolor": "none", "pad": 1.5}
            axes.text(x1, y1, item.label, color="white", fontsize=9, va="bottom", bbox=plate)
    figure.savefig(path, dpi=120, metadata={"Software": None})
    return path
