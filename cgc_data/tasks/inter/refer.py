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
    question="the leftmost … (or rightmost, highest, lowest, largest, smallest) in the only image with two or more",
    meaning=(
        "One image shows two or more objects of a category, and every other image shows at most one. The question asks "
        "for a specific object in that image."
    ),
    pool="refer",
    share=0.08,
    planner="cgc_data.plan.refer:ReferPlanner",
    claims=False,
    needs="photos that show two or more objects of a category, and photos that show at most one",
)
