"""A piece of a photo: where it was cut from, in the photo or in one of several windows of it."""

from cgc_data.tasks.intra import INTRA
from cgc_data.tasks.task import Task

REGION = Task(
    name="region",
    contrast=INTRA,
    answer="one",
    question="a piece of the photo: where was it cut from? In Image 1, or in exactly one of several windows",
    meaning="The place that the piece was cut from, which looks like no other place in the images.",
    pool="region",
    named_pool="region_in",
    share=0.1,
    planner="cgc_data.plan.region:RegionPlanner",
    labels=(0, 0),
    answer_label="region",
    claims=False,
    gives_image=True,
    needs="photos with places of rich texture that nothing else in them resembles",
)
