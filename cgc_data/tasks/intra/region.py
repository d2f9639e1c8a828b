"""The place from which a piece of a photo was cut.

The question asks where this place is in the whole photo, or in one of several windows of the photo.
"""

from cgc_data.tasks.intra import INTRA
from cgc_data.tasks.task import Task

REGION = Task(
    name="region",
    contrast=INTRA,
    answer="one",
    question="A piece was cut from Image 1, or from exactly one of several windows: where was it cut out?",
    meaning="The place where the piece was cut out; no other place in the images looks like it.",
    pool="region",
    named_pool="region_in",
    share=0.1,
    planner="cgc_data.plan.region:RegionPlanner",
    labels=(0, 0),
    answer_label="region",
    claims=False,
    gives_image=True,
    needs="photos with richly textured regions that resemble no other region of the same photo",
)
