"""Stubs that let verl's trainer run without a GPU. The stubs are registered where verl looks up devices and rollouts.

verl imports this module in each of its processes if VERL_USE_EXTERNAL_MODULES names the module. This module registers
the CPU as a device. It also registers a rollout named `transformers`, which samples with transformers instead of vLLM.
"""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

import ray
import torch
from safetensors.torch import load_file, save_file
from verl.plugin.platform.platform_base import PlatformBase
from verl.plugin.platform.platform_manager import PlatformRegistry

from scripts.engines.patient import wait_for_ray

NAME = "transformers"

wait_for_ray()


def _nothing(*_: object, **__: object) -> int:
    return 0


@PlatformRegistry.register(platform="cpu")
class Cpu(PlatformBase):
    """The CPU as a device for verl. Ray counts it as a GPU."""

    device_name = "cpu"
    vendor_name = "cpu"
    memory = ("empty_cache", "memory_allocated", "memory_reserved", "max_memory_allocated", "max_memory_reserved")
    device_module = SimpleNamespace(
        **{name: getattr(torch.cpu, name) for name in dir(torch.cpu) if not name.startswith("__")},
        **dict.fromkeys((*memory, "reset_peak_memory_stats", "ipc_collect"), _nothing),
        mem_get_info=lambda *_: (0, 0),
        get_device_name=lambda *_: "cpu",
        get_rng_state=torch.get_rng_state,
        set_rng_state=torch.set_rng_state,
        manual_seed=torch.manual_seed,
        manual_seed_all=torch.manual_seed,
    )

    set_device = synchronize = set_allocator_settings = empty_cache = profiler_start = profiler_stop = _nothing
    cudart = get_collective_module = lambda *_: None

    def is_available(self) -> bool:
        return True

    def current_device(self) -> str:
        return "cpu"

    def device_count(self) -> int:
        return 1

    def manual_seed(self, seed: int) -> None:
        torch.manual_seed(seed)

    manual_seed_all = manual_seed

    def get_device_capability(self, *_: int) -> tuple[None, None]:
        return None, None

    def communication_backend_name(self) -> str:
        return "gloo"

    def visible_devices_envvar(self) -> str:
        return "CUDA_VISIBLE_DEVICES"

    def nvtx_range(self, *_: str) -> AbstractContextManager[None]:
        return nullcontext()

    def ray_resource_name(self) -> str:
        return "GPU"

    def ray_noset_envvars(self) -> list[str]:
        return []

    def is_ipc_supported(self) -> bool:
        return False


# After the device is registered, because these look it up when they are imported.
from verl.utils import distributed, import_utils  # noqa: E402

# verl requests a backend for the CPU and one for the device; torch refuses two for the same device.
distributed.initialize_global_process_group_ray = partial(
    distributed.initialize_global_process_group_ray, backend="cpu:gloo"
)

# If verl finds TRL, it patches a class that the project's version of TRL has removed.
import_utils.is_trl_available = lambda: False

from verl.workers.rollout import base  # noqa: E402
from verl.workers.rollout.replica import RolloutReplica, RolloutReplicaRegistry, TokenOutput  # noqa: E402


class Answering:
    """A Ray actor that answers prompts."""

    def __init__(self, folder: str) -> None:
        from scripts.engines.sampler import Sampler

        self.sampler = Sampler(Path(folder))

    async def generate(
        self, prompt_ids: list[int], image_data: Sequence[Any] | None = None, **_: object
    ) -> TokenOutput:
        """Sample a response. In `prompt_ids`, each image placeholder is already expanded to all tokens of the image."""
        ids = torch.tensor([list(prompt_ids)])
        places = (ids == self.sampler.model.config.image_token_id).long()
        seen = self.sampler.processor.image_processor(images=list(image_data or []), return_tensors="pt")
        given = {"input_ids": ids, "attention_mask": torch.ones_like(ids), "mm_token_type_ids": places, **seen}
        return TokenOutput(token_ids=self.sampler.respond(given).tolist(), stop_reason="completed")

    async def load(self, file: str) -> None:
        """Replace all weights."""
        self.sampler.model.load_state_dict(load_file(file), strict=True)


class Replica(RolloutReplica):
    """The rollout as the trainer sees it: a server that samples responses."""

    async def launch_servers(self) -> None:
        name = f"{NAME}_{self.replica_rank}"
        server = ray.remote(Answering).options(name=name).remote(self.model_config.path)
        self.servers, self._server_handle, self._server_address = [server], server, name

    async def wake_up(self) -> None:
        """Does nothing, since the CPU build has no GPU memory to free."""

    sleep = clear_kv_cache = abort_all_requests = resume_generation = release_kv_cache = resume_kv_cache = wake_up


class Sending(base.BaseRollout):
    """The rollout as a training process sees it: an object that receives weights."""

    async def resume(self, tags: list[str]) -> None:
        """Does nothing, since the CPU build has no GPU memory to free."""

    async def release(self) -> None:
        """Does nothing, since the CPU build has no GPU memory to free."""

    async def update_weights(
        self, weights: Iterator[tuple[str, torch.Tensor]] | AsyncIterator[tuple[str, torch.Tensor]], **_: object
    ) -> None:
        """Pass all weights to the rollout through a file."""
        with TemporaryDirectory() as folder:
            file = Path(folder) / "sent.safetensors"
            save_file({name: weight.detach().float().contiguous().clone() for name, weight in weights}, file)
            await ray.get_actor(f"{NAME}_0").load.remote(str(file))


base._ROLLOUT_REGISTRY[(NAME, "async")] = f"{__name__}.{Sending.__name__}"
RolloutReplicaRegistry.register(NAME, lambda: Replica)
