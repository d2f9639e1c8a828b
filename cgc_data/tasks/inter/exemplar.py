"""Every object that has the same category as an example in another photo."""

from cgc_data.tasks.inter import INTER
from cgc_data.tasks.task import Task

EXEMPLAR = Task(
    name="exemplar",
    contrast=INTER,
    answer="set",
    question="every object in the other images that has the same category as the object in a given box of Image 1",
    meaning="Every object in the other images that has the same category as the object in the dashed box.",
    pool="exemplar",
    share=0.08,
    planner="cgc_data.plan.exemplar:ExemplarPlanner",
    may_be_empty=True,
    answer_label="object",
    gives_box=True,
    needs="photos that all show the same category, including a photo in which one object fills a window",
)
