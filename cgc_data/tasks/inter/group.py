"""Several labels at once. Each label matches exactly one object in all photos combined; one label may match none."""

from cgc_data.tasks.inter import INTER
from cgc_data.tasks.task import Task

GROUP = Task(
    name="group",
    contrast=INTER,
    answer="set",
    question="several labels at once: the …, the …, and the …; one of the labels may be in no image",
    meaning="Each label has exactly one instance across all images, but one label may have none.",
    pool="group",
    share=0.1,
    planner="cgc_data.plan.group:GroupPlanner",
    labels=(2, 4),
    needs="photos that show one object of a category that other photos provably lack",
)
