"""Intra-image contrast: windows of one photo."""

from cgc_data.tasks.task import Contrast, Distractors

VIEWS = Distractors("views", 0.5)  # other windows of the photo

INTRA = Contrast(
    name="intra",
    title="views of one photo",
    meaning="windows of one photo. The same object has to be found again in another view.",
    color="#e8833a",
    windows=True,
    roles=("focus", "context"),
    distractors=(VIEWS,),
)
