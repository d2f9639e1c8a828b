"""Draws one object in three windows (crops): visible, ambiguous, and gone."""

from PIL import Image
from pycocotools import mask as coco_mask

from cgc_data.geometry import Window
from cgc_data.index.build import Index
from cgc_data.look.sheets import GIVEN, TARGET
from cgc_data.sources import Segmentations
from scripts.panels import HEAD, TEXT, Mark, Panel, strip
from scripts.pictures.world import World, best

TINT = "#ffd500"


def visibility(world: World) -> Image.Image:
    """One object in three windows: visible, ambiguous, and gone. The ground-truth box encloses the part of the object's
    mask that is inside the window.
    """
    index, truth = world.index, world.truth

    def size(instance: int) -> float:
        x1, y1, x2, y2 = truth.box(instance)
        photo = index.photos[int(index.instances.photo[instance])]
        fits = x1 > 90 and x2 < photo.width - 90 and photo.width == 640 and not truth.fault(instance)
        return (x2 - x1) * (y2 - y1) if fits and not index.instances.crowd[instance] else 0.0

    instance = best(range(0, len(index.instances.photo), 3), size)
    number = int(index.instances.photo[instance])
    photo, box = index.photos[number], truth.box(instance)
    picture, overlay = world.photo(number), _mask(index, instance)
    tinted = Image.composite(Image.blend(picture, Image.new("RGB", picture.size, TINT), 0.6), picture, overlay)
    panels = []
    for cut in (0.75, 0.3, -0.25):
        left = round(box[2] - cut * (box[2] - box[0])) if cut > 0 else round(box[2] + 12)
        window = Window(left, 0, min(left + 300, photo.width), photo.height)
        seen = truth.see(instance, window)
        boxes: list[Mark] = [((window.x1, window.y1, window.x2, window.y2), GIVEN, "window")]
        if seen.box and seen.state == "visible":
            boxes.append((seen.box, TARGET, "true box"))
        text = {
            "visible": "in the answer, with the box of its visible part",
            "ambiguous": "too much to count as absent, too little to count as visible: no question depends on it",
            "gone": "no pixel is in the window or in a margin around it",
        }[seen.state]
        lines = ((f"{seen.state}: {seen.share:.0%} of the mask", HEAD), (text, TEXT))
        panels.append(Panel(tinted, lines, tuple(boxes)))
    return strip(panels)


def _mask(index: Index, instance: int) -> Image.Image:
    instances = index.instances
    photo, table = index.photos[int(instances.photo[instance])], index.tables[int(instances.source[instance])]
    with Segmentations(table) as segmentations:
        rle = segmentations.rle(int(instances.row[instance]), photo.height, photo.width)
    assert rle is not None
    return Image.fromarray(coco_mask.decode(rle) * 255)
