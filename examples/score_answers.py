"""Scores answers to the questions of a release.

This example scores the ground-truth answers, in the strict format. Replace them with the responses of your model.

Run `python examples/score_answers.py RELEASE`.
"""

import json
import sys
from pathlib import Path

from datasets import load_dataset

from cgc_data.answer import Object, read_answer, with_thinking
from cgc_data.matching import set_miou


def main(release: str) -> float:
    """Print the mean set-wise IoU of the answers to the inter-image questions of the training split."""
    rows = load_dataset(str(Path(release).resolve()), "inter", split="train")
    scores = []
    for row in rows:
        messages = with_thinking(row["prompt"])  # the prompt for the model, with row["images"] inserted
        text = f"<think>{len(messages)} message</think><answer>{row['answer']}</answer>"  # the model's answer
        answer = read_answer(text, num_images=len(row["images"]))
        truths = [Object(o["img_idx"], tuple(o["bbox_2d"]), o["label"]) for o in json.loads(row["answer"])]
        scores.append(set_miou(answer, truths))
    mean = sum(scores) / len(scores)
    print(f"{len(scores)} answers, mean set-wise IoU {mean:.3f}")
    return mean


if __name__ == "__main__":
    main(sys.argv[1])
