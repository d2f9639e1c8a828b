"""Runs in verl's environment. Reads an export with verl's dataset class, and scores responses with verl's reward
manager.

Usage: python -m scripts.engines.verl_worker MODEL EXPORT PLUGIN OUT ROW ...

Each line of OUT is a JSON object for one row, with the row's id, the number of images, the response, and the reward.
"""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from omegaconf import OmegaConf
from tensordict import TensorDict
from verl import DataProto
from verl.trainer.ppo.reward import load_reward_manager
from verl.utils.dataset.rl_dataset import RLHFDataset

from scripts.engines.sampler import Sampler


def configuration(plugin: str) -> Any:
    """The part of verl's configuration that its dataset class and reward manager read."""
    data = {"max_prompt_length": 8192, "filter_overlong_prompts_workers": 1, "return_raw_chat": True}
    named = {"path": plugin, "name": "compute_score"}
    manager = {"source": "register", "name": "naive"}
    return OmegaConf.create({"data": data, "reward": {"custom_reward_function": named, "reward_manager": manager}})


def batch(row: dict[str, Any], prompt: torch.Tensor, response: torch.Tensor) -> DataProto:
    """A response in the format that verl's rollout passes to the reward manager."""
    whole = torch.cat([prompt, response])[None]
    tensors = {"prompts": prompt[None], "responses": response[None], "attention_mask": torch.ones_like(whole)}
    facts = {name: np.array([row[name]], dtype=object) for name in ("data_source", "reward_model", "extra_info")}
    return DataProto(batch=TensorDict(tensors, batch_size=1), non_tensor_batch=facts)


async def pay(model: Path, export: Path, plugin: str, out: Path, asked: list[int]) -> None:
    """Sample one response for each given row, and compute its reward with the reward manager. Write both to `out`."""
    config, sampler = configuration(plugin), Sampler(model)
    tokenizer = sampler.processor.tokenizer
    rows = RLHFDataset([str(export)], tokenizer, config.data, sampler.processor)
    manager: Any = load_reward_manager(config, tokenizer)
    with out.open("w", encoding="utf-8") as written:
        for row in (rows[number] for number in asked):
            images, *_ = await RLHFDataset.process_multi_modal_info(
                row["raw_prompt"], image_patch_size=16, config=config.data
            )
            text = sampler.processor.apply_chat_template(row["raw_prompt"], add_generation_prompt=True, tokenize=False)
            inputs = sampler.inputs(text, images)
            response = sampler.respond(inputs)
            given = await manager.run_single(batch(row, inputs["input_ids"][0], response))
            facts = {"row": row["extra_info"]["id"], "rows": len(rows), "images": len(images)}
            said = {"response": tokenizer.decode(response), "score": given["reward_score"]}
            written.write(json.dumps({**facts, **said, "terms": given["reward_extra_info"]}) + "\n")


if __name__ == "__main__":
    asyncio.run(
        pay(
            Path(sys.argv[1]),
            Path(sys.argv[2]),
            sys.argv[3],
            Path(sys.argv[4]),
            [int(number) for number in sys.argv[5:]],
        )
    )
