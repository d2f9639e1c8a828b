"""The ten question forms of MIG-Bench, and the tasks whose questions are similar.

The numbers of items come from the annotations of MIG-Bench (Migician, arXiv 2501.05767), as revised by UniVG-R1.
"""

from dataclasses import dataclass
from typing import Literal

Trained = Literal["yes", "form only", "no"]


@dataclass(frozen=True)
class Form:
    """One question form of MIG-Bench.

    Attributes:
        key: name of the form in the annotations.
        items: number of items.
        asks: the question that the items of the form ask.
        tasks: ids of tasks with similar questions.
        trained: `yes` if the tasks train the skill that the form tests, `form only` if they train only the form of the
            question, and `no` otherwise.
        remark: differences between the tasks and the form.
    """

    key: str
    items: int
    asks: str
    tasks: tuple[str, ...] = ()
    trained: Trained = "yes"
    remark: str = ""


FORMS = (
    Form("region", 1203, "Where in Image 1 is the piece that Image k shows?", ("intra/region",)),
    Form("common_object", 815, "The images share one kind of object: where is it in Image k?", ("inter/common",)),
    Form(
        "object_tracking",
        550,
        "An object is boxed in the first frame: where is it in Image k?",
        ("intra/same_object",),
        "form only",
        "windows of one photo show no motion",
    ),
    Form("diff", 528, "What differs between two images?", ("intra/difference",), "yes", "objects are pasted"),
    Form(
        "group_grounding",
        485,
        "Where is the object that a free-form expression describes? No image is named",
        ("inter/locate", "inter/locate_all", "inter/group", "inter/refer"),
        "yes",
        "the language is simpler",
    ),
    Form(
        "multi_view",
        288,
        "An object is boxed in one view: where is it in Image k?",
        ("intra/same_object",),
        "form only",
        "windows of one photo have one viewpoint",
    ),
    Form("correspondence", 117, "Which part has the same function?", (), "no"),
    Form("refer_grounding", 99, "The object in Image 1: where is it in Image 2?", ("inter/exemplar",)),
    Form("reasoning", 97, "Where is an object that has to be inferred?", (), "no"),
    Form(
        "view_diff",
        94,
        "What differs when the scene is seen from another view?",
        ("intra/difference",),
        "yes",
        "objects are pasted",
    ),
)
