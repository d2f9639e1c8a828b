"""Inter-image contrast: photos of different scenes."""

from cgc_data.tasks.task import Contrast, Distractors

DECOUPLED = Distractors("decoupled", 0.0)  # very different scenes
HARD = Distractors("hard", 1.0)  # similar scenes

INTER = Contrast(
    name="inter",
    title="different photos",
    meaning="photos of different scenes. The target is in one of them, in several, or in none.",
    color="#3b6fd4",
    windows=False,
    roles=("target", "distractor"),
    distractors=(DECOUPLED, HARD),
)
