"""Uses lmms-eval to evaluate the tiny model before and after training. Both evaluations run in this process.

Usage: python -m scripts.demo.evaluate DEMO

The task is `cgc_contrast_think_inter`: the first `ROWS` rows of the painted release's test split, with the prompt used
in training. Answers are sampled as in training, because GRPO raises the reward of sampled answers.
"""

import os
import sys
from pathlib import Path

from cgc_bench.lmms.dispatch import main as lmms_eval

TASK, ROWS, NEW_TOKENS = "cgc_contrast_think_inter", 60, 200
PIXELS = 4096  # per image, as in training; the default is larger than any image that the model has seen
NO_SYSTEM_PROMPT = "system_prompt="  # otherwise lmms-eval adds a system prompt, which training does not use
MODELS = {"before": "tiny", "after": "run/model"}


def main(demo: Path) -> None:
    """Answer the same rows with each model. The outputs are written to DEMO/answers/before and DEMO/answers/after."""
    os.environ["CGC_BENCH_MAX_PIXELS"] = str(PIXELS)
    for name, model in MODELS.items():
        given = f"pretrained={demo / model},device_map=cpu,min_pixels=1024,max_pixels={PIXELS},{NO_SYSTEM_PROMPT}"
        sys.argv = ["lmms_eval", "--model", "qwen3_vl", "--model_args", given]
        sys.argv += ["--device", "cpu", "--tasks", TASK, "--limit", str(ROWS)]
        sys.argv += ["--gen_kwargs", f"max_new_tokens={NEW_TOKENS},do_sample=True,temperature=1"]
        sys.argv += ["--output_path", str(demo / "answers" / name), "--log_samples"]
        lmms_eval()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
