"""One of several objects of a category, distinguished by its position or size in the image."""

from cgc_data.tasks.inter import INTER
from cgc_data.tasks.task import Task

LEFTMOST, RIGHTMOST = "leftmost", "rightmost"
HIGHEST, LOWEST = "highest in the picture", "lowest in the picture"
LARGEST, SMALLEST = "taking up the most of the picture", "taking up the least of the picture"
RELATIONS = (LEFTMOST, RIGHTMOST, HIGHEST, LOWEST, LARGEST, SMALLEST)

REFER = Task(
    name="refer",
    contrast=INTER,
    answer="one",
    question="the leftmost … (rightmost, highest, lowest, largest, smallest) of the one image that shows several",
    meaning="Of two or more in one image, the one that the words single out; other images show one or none.",
    pool="refer",
    share=0.08,
    planner="cgc_data.plan.refer:ReferPlanner",
    claims=False,
    needs="photos that show two or more of a category where others show one or none",
)
