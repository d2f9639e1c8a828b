"""The one kind of object that all photos show.

The question either lists the names of several categories to choose from, or names no category and asks where the shared
one is in a given image.
"""

from cgc_data.tasks.inter import INTER
from cgc_data.tasks.task import Task

COMMON = Task(
    name="common",
    contrast=INTER,
    answer="set",
    question=(
        "Which of several categories is in every image? Or: where is the category that all images share, in a named "
        "image?"
    ),
    meaning=(
        "Every instance of the one category that all images show, or only the instances in the image that the "
        "question names."
    ),
    pool="common",
    named_pool="common_in",
    share=0.1,
    planner="cgc_data.plan.common:CommonPlanner",
    labels=(3, 6),
    named_label="object",
    candidates=True,
    claims=False,
    needs="photos that share exactly one category",
)
