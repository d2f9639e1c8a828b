"""The one kind of object that all photos show: chosen from several names, or unnamed and asked for in one image."""

from cgc_data.tasks.inter import INTER
from cgc_data.tasks.task import Task

COMMON = Task(
    name="common",
    contrast=INTER,
    answer="set",
    question="which of several kinds is in every image? Or: the kind that all images share, in a named image",
    meaning="Every instance of the one kind that all images show; in one image, if the question names it.",
    pool="common",
    named_pool="common_in",
    share=0.1,
    planner="cgc_data.plan.common:CommonPlanner",
    labels=(3, 6),
    named_label="object",
    candidates=True,
    claims=False,
    needs="photos that share a category and differ in others",
)
