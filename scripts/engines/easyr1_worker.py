"""Runs in EasyR1's environment. Reads an export with EasyR1's dataset class, and scores responses with EasyR1's reward
manager.

Usage: python -m scripts.engines.easyr1_worker MODEL EXPORT PLUGIN OUT ROW ...

Each line of OUT is a JSON object for one row, with the row's id, the number of images, the response, and the reward.
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tensordict import TensorDict
from verl.protocol import DataProto
from verl.utils.dataset import RLHFDataset, process_image
from verl.workers.reward import AutoRewardManager, RewardConfig

from scripts.engines.sampler import Sampler


def pixels(processor: Any) -> dict[str, int]:
    """The pixel limits per image in a model's processor."""
    size = processor.image_processor.size
    return {"min_pixels": size["shortest_edge"], "max_pixels": size["longest_edge"]}


def manager(plugin: str, tokenizer: Any) -> Any:
    """EasyR1's reward manager, with the reward function of a plugin file."""
    config = RewardConfig(reward_function=f"{plugin}:compute_score")
    config.post_init()
    return AutoRewardManager(config, tokenizer)


def batch(answer: str, response: torch.Tensor) -> DataProto:
    """A response in the format that EasyR1's rollout passes to the reward manager."""
    tensors = {"responses": response[None], "response_mask": torch.ones_like(response)[None]}
    truth = np.array([answer], dtype=object)
    return DataProto(batch=TensorDict(tensors, batch_size=1), non_tensor_batch={"ground_truth": truth})


def pay(model: Path, export: Path, plugin: str, out: Path, asked: list[int]) -> None:
    """Sample one response for each given row, and compute its reward with the reward manager. Write both to `out`."""
    sampler = Sampler(model)
    tokenizer, limits = sampler.processor.tokenizer, pixels(sampler.processor)
    settings = {"prompt_key": "problem", "image_dir": str(export.parent), "max_prompt_length": 4096}
    rows = RLHFDataset(
        str(export), tokenizer, sampler.processor, filter_overlong_prompts_workers=1, **settings, **limits
    )
    paying = manager(plugin, tokenizer)
    with out.open("w", encoding="utf-8") as written:
        for row in (rows[number] for number in asked):
            images = [process_image(str(image), **limits) for image in row["multi_modal_data"]["images"]]
            text = tokenizer.decode(row["raw_prompt_ids"])
            response = sampler.respond(sampler.inputs(text, images))
            given, terms = paying.compute_reward(batch(row["ground_truth"], response))
            facts = {"row": row["id"], "rows": len(rows), "images": len(images)}
            said = {"response": tokenizer.decode(response), "score": float(given.sum())}
            firsts = {name: values[0] for name, values in terms.items()}
            written.write(json.dumps({**facts, **said, "terms": firsts}) + "\n")


if __name__ == "__main__":
    pay(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], Path(sys.argv[4]), [int(number) for number in sys.argv[5:]])
