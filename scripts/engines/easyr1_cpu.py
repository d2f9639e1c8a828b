"""Runs EasyR1's trainer without a GPU. In each process of the trainer, stubs replace the CUDA and vLLM functions that
the trainer calls.

Usage: python -m scripts.engines.easyr1_cpu SETTING ...

Responses are sampled with transformers instead of vLLM.
"""

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import torch
from tensordict import TensorDictBase

CUDA = {
    "current_device": lambda: torch.device("cpu"),
    "get_device_name": lambda *_: "cpu",
    "mem_get_info": lambda *_: (0, 0),
    "get_rng_state": lambda *_: torch.get_rng_state(),
    "set_rng_state": lambda state, *_: torch.set_rng_state(state),
    "manual_seed": lambda *_: None,  # the CPU has a single random state
    **{
        name: lambda *_: 0
        for name in ("empty_cache", "max_memory_allocated", "max_memory_reserved", "synchronize", "set_device")
    },
}


@dataclass
class SamplingParams:
    """The sampling parameters of vLLM that EasyR1 sets."""

    n: int = 1
    max_tokens: int = 16
    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = -1
    seed: int | None = None
    detokenize: bool = True
    ignore_eos: bool = False
    logit_bias: Mapping[int, float] | None = None


class LLM:
    """A replacement for vLLM's class `LLM` that samples with transformers."""

    def __init__(self, model: str, **_: object) -> None:
        from scripts.engines.sampler import Sampler

        self.sampler = Sampler(Path(model))
        runner = SimpleNamespace(model=SimpleNamespace(load_weights=self._load))
        driver = SimpleNamespace(worker=SimpleNamespace(model_runner=runner))
        self.llm_engine = SimpleNamespace(model_executor=SimpleNamespace(driver_worker=driver))

    def _load(self, weights: Iterable[tuple[str, torch.Tensor]]) -> None:
        self.sampler.model.load_state_dict({name: weight.float() for name, weight in weights}, strict=True)

    def sleep(self, level: int = 1) -> None:
        """Does nothing, since the CPU build has no GPU memory to free."""

    def wake_up(self, tags: Sequence[str] = ()) -> None:
        """Does nothing, since the CPU build has no GPU memory to free."""

    def generate(
        self, prompts: Sequence[Mapping[str, Any]], sampling_params: SamplingParams, **_: object
    ) -> list[SimpleNamespace]:
        """Responses to prompts in which each image is represented by a single token."""
        return [self._answered(prompt, sampling_params.n) for prompt in prompts]

    def _answered(self, prompt: Mapping[str, Any], count: int) -> SimpleNamespace:
        text = self.sampler.processor.tokenizer.decode(prompt["prompt_token_ids"])
        inputs = self.sampler.inputs(text, prompt["multi_modal_data"]["image"])
        responses = (self.sampler.respond(inputs).tolist() for _ in range(count))
        return SimpleNamespace(outputs=[SimpleNamespace(token_ids=tokens) for tokens in responses])


class Unused:
    """Replaces classes that EasyR1 imports but does not use with these settings."""

    @staticmethod
    def hijack() -> None:
        """Does nothing, because vLLM is not installed."""


def stand_in() -> None:
    """Replace functions of torch and modules of vLLM. Ray calls this function in every process."""
    _of_cpu()  # first, because torch.compile, which this imports, lists the functions of torch.cuda
    for name, function in CUDA.items():
        setattr(torch.cuda, name, function)
    TensorDictBase.cuda = lambda self, *_, **__: self
    alone = SimpleNamespace(device_group=None)
    _module("vllm", LLM=LLM, RequestOutput=Unused, SamplingParams=SamplingParams)
    _module("vllm.lora")
    _module("vllm.lora.request", LoRARequest=Unused)
    _module("vllm.distributed")
    _module(
        "vllm.distributed.parallel_state",
        get_tensor_model_parallel_world_size=lambda: 1,
        get_tensor_model_parallel_rank=lambda: 0,
        get_tensor_model_parallel_group=lambda: alone,
    )
    sys.modules["verl.utils.vllm_utils"] = _made("verl.utils.vllm_utils", TensorLoRARequest=Unused, VLLMHijack=Unused)


def _of_cpu() -> None:
    """Use gloo for process groups, the CPU for device meshes, and PyTorch's attention instead of flash-attn."""
    import torch.distributed
    from torch.distributed import device_mesh
    from transformers import PreTrainedModel

    begin, mesh, load = (
        torch.distributed.init_process_group,
        device_mesh.init_device_mesh,
        PreTrainedModel.from_pretrained.__func__,
    )

    @wraps(begin)
    def begun(backend: str = "", **rest: Any) -> None:  # noqa: ARG001
        begin(backend="gloo", **rest)

    @wraps(mesh)
    def meshed(_: str, *rest: Any, **more: Any) -> Any:
        return mesh("cpu", *rest, **more)

    @wraps(load)
    def loaded(cls: Any, *rest: Any, **more: Any) -> Any:
        return load(cls, *rest, **{**more, "attn_implementation": "sdpa", "device_map": "cpu"})

    torch.distributed.init_process_group = begun
    torch.distributed.init_device_mesh = device_mesh.init_device_mesh = meshed
    PreTrainedModel.from_pretrained = classmethod(loaded)


def _module(name: str, **values: object) -> None:
    module = sys.modules[name] = _made(name, **values)
    above, _, own = name.rpartition(".")
    if above:
        setattr(sys.modules[above], own, module)


def _made(name: str, **values: object) -> ModuleType:
    module = ModuleType(name)
    vars(module).update(values)
    return module


def main() -> None:
    """Train with the given settings."""
    import ray

    from scripts.engines.patient import wait_for_ray

    wait_for_ray()
    stand_in()
    begin = ray.init

    def begun(runtime_env: dict[str, Any]) -> None:
        hook = f"scripts.engines.easyr1_cpu.{stand_in.__name__}"
        cluster = {"num_cpus": 8, "num_gpus": 1, "include_dashboard": False}
        begin(**cluster, runtime_env={**runtime_env, "worker_process_setup_hook": hook})

    ray.init = begun
    from verl.trainer.main import main as train

    train()


if __name__ == "__main__":
    main()
