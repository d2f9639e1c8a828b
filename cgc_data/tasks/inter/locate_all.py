"""Every object of a category in several photos."""

from cgc_data.tasks.inter import INTER
from cgc_data.tasks.inter.absent import ABSENT
from cgc_data.tasks.task import Task

LOCATE_ALL = Task(
    name="locate_all",
    contrast=INTER,
    answer="set",
    question="every … in all images",
    meaning="Every instance in all images.",
    pool="locate_all",
    share=0.12,
    paper=0.2,
    planner="cgc_data.plan.inter_all:LocateAllPlanner",
    empty=ABSENT,
)
