"""Runs `cgc-train` with vLLM's CPU build, and records vLLM's prompts, answers, and weights for comparison.

Usage: python -m scripts.engines.vllm_worker FOLDER [--files] [--as-gpus] COMMAND ...

The script writes two files to FOLDER. rollouts.jsonl has one line per call to vLLM. sent.safetensors contains the
weights that the trainer sent to vLLM last. If several processes run, the second one writes to FOLDER-1 instead, the
third one to FOLDER-2, and so on. With --files, a server reads the weights from files in FOLDER, because TRL cannot send
them without CUDA. With --as-gpus, CPU processes appear as GPU processes, because accelerate supports FSDP only for
GPUs.
"""

import json
import os
import sys
from collections.abc import Callable, Iterator
from functools import partial, wraps
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file


def plain_layers() -> None:
    """Make vLLM's CPU build keep weights unpacked. After vLLM packs weights for its own kernels, it cannot load new
    weights.
    """
    import vllm.model_executor.layers.utils as layers

    def unpacked(layer: torch.nn.Module, remove_weight: bool) -> None:  # noqa: ARG001 - the signature is vLLM's
        layer.cpu_linear = torch.nn.functional.linear

    layers.dispatch_cpu_unquantized_gemm = unpacked


def uncompiled() -> None:
    """Make TRL start vLLM without compiling the model. Compilation takes minutes and is not tested here."""
    from trl.generation import vllm_generation

    vllm_generation.LLM = partial(vllm_generation.LLM, enforce_eager=True)


def record(folder: Path) -> None:
    """Record every call that the trainer makes to vLLM, and the last weights that it sends to vLLM."""
    from trl.generation.vllm_generation import VLLMGeneration

    from cgc_train.trainer import GroundingTrainer

    folder.mkdir(parents=True, exist_ok=True)
    GroundingTrainer._generate_single_turn = _noted(GroundingTrainer._generate_single_turn, folder)
    VLLMGeneration.sync_weights = _kept(VLLMGeneration.sync_weights, folder)


def _noted(generate: Callable[..., Any], folder: Path) -> Callable[..., Any]:
    @wraps(generate)
    def noted(self: Any, prompt_ids: list[list[int]], images: Any, *rest: Any) -> Any:
        completions, chances = generate(self, prompt_ids, images, *rest)
        call = {"step": self.state.global_step, "held_out": not self.model.training, "prompts": prompt_ids}
        call |= {"images": images, "completions": completions, "chances": chances}
        with (folder / "rollouts.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(call, default=list) + "\n")
        return completions, chances

    return noted


def _kept(synchronize: Callable[..., Any], folder: Path) -> Callable[..., Any]:
    @wraps(synchronize)
    def kept(self: Any) -> None:
        weights, sent = self._iter_named_params, {}

        def copied() -> Iterator[tuple[str, torch.Tensor]]:
            for name, weight in weights():
                sent[name] = weight.detach().clone().contiguous()
                yield name, weight

        self._iter_named_params = copied
        synchronize(self)
        self._iter_named_params = weights
        save_file(sent, folder / "sent.safetensors")

    return kept


def weights_as_files(folder: Path) -> None:
    """Make TRL ask a server to read the weights from a folder, instead of sending the weights to the server."""
    from trl.generation.vllm_client import VLLMClient

    def update(self: Any, _metadata: object, weights: Iterator[tuple[str, torch.Tensor]]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        save_file({name: weight.detach().contiguous() for name, weight in weights}, folder / "model.safetensors")
        reload = {"method": "reload_weights", "kwargs": {"weights_path": str(folder)}}
        answer = self.session.post(f"{self.base_url}/collective_rpc", json=reload)
        answer.raise_for_status()

    VLLMClient.init_communicator = lambda *_, **__: None
    VLLMClient.update_named_params = update


def main() -> None:
    """Run `cgc-train` with the remaining arguments."""
    from cgc_train.check.stand_in import as_gpus
    from cgc_train.cli import main as cgc_train

    folder, rank = Path(sys.argv.pop(1)).resolve(), int(os.environ.get("RANK", "0"))
    folder = folder.with_name(f"{folder.name}-{rank}") if rank else folder
    plain_layers()
    uncompiled()
    record(folder)
    for flag, prepare in (("--files", partial(weights_as_files, folder / "weights")), ("--as-gpus", as_gpus)):
        if flag in sys.argv:
            sys.argv.remove(flag)
            prepare()
    cgc_train()


if __name__ == "__main__":
    main()
