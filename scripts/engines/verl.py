"""verl: its dataset class on an export, this project's reward through its reward manager, and its own training."""

from functools import partial

from scripts.engines.records import Comparison, Engine, Stage
from scripts.engines.trainers import PLUGINS, RAY, STEPS, export, managed, not_reached, start
from scripts.engines.workplace import Workplace

BATCH, GROUP = 4, 4
CAUSE = """Upstream: line `210` of `verl/single_controller/ray/base.py` always creates a pool of GPUs, regardless of
`trainer.device`, and line `241` fails if Ray has none. verl `0.8.0` has the same code in lines `207` and `238`; it was
read, not run. No upstream issue was found.

Tried: declaring a nonexistent GPU to Ray with `num_gpus` of `ray_init`. The workers start, and line `89` of
`verl/utils/distributed.py` needs NCCL: "ProcessGroupNCCL is only supported with GPUs, no GPUs found!".

Also tried: a platform for the CPU in `PlatformRegistry`, and, instead of vLLM, a rollout named `transformers` in
`RolloutReplicaRegistry`. Line `89` then requests gloo twice for the CPU, which torch refuses; FSDP supports only `cuda`
and `npu` (line `1143` of `verl/workers/engine/fsdp/transformer_impl.py`); and line `356` of
`verl/models/transformers/monkey_patch.py` imports a class that TRL has removed. With these three patched from outside,
the workers started, FSDP2 sharded the model, its weights reached the rollout, and responses were sampled. On a busy
machine no step finished within half an hour, so nothing was compared.

Also tried: its newer trainer, the default, which needs `transfer_queue`, a package missing from its requirements."""


def grpo(place: Workplace) -> list[Comparison]:
    """Two steps of verl's trainer."""
    data, model, actor = export(place, "verl"), start(place), "actor_rollout_ref.actor"
    place.run(
        "-m", "verl.trainer.main_ppo", "algorithm.adv_estimator=grpo", "trainer.use_v1=False", "trainer.device=cpu",
        f"hydra.run.dir={place.folder}",
        f"data.train_files={data / 'train.parquet'}", f"data.val_files={data / 'test.parquet'}",
        f"data.train_batch_size={BATCH}", "data.max_prompt_length=2048", "data.max_response_length=64",
        f"actor_rollout_ref.model.path={model}", "actor_rollout_ref.rollout.name=vllm",
        f"actor_rollout_ref.rollout.n={GROUP}", f"{actor}.ppo_mini_batch_size={BATCH}",
        f"{actor}.ppo_micro_batch_size_per_gpu={BATCH}",
        f"actor_rollout_ref.rollout.log_prob_micro_batch_size_per_gpu={BATCH}", "trainer.n_gpus_per_node=1",
        "trainer.nnodes=1", f"trainer.total_training_steps={STEPS}", "trainer.logger=console",
        f"reward.custom_reward_function.path={PLUGINS / 'verl_reward.py'}", "ray_kwargs.ray_init.num_cpus=2",
        variables=RAY, seconds=900,
    )  # fmt: skip
    return not_reached()


ENGINE = Engine(
    name="verl",
    title="verl",
    packages=("verl", "torch", "transformers", "tensordict", "ray", "datasets"),
    requirements=("verl==0.9.1", "qwen-vl-utils", "fastapi", "uvicorn", "cachetools"),
    gigabytes=2.0,
    trainer=True,
    stages=(
        Stage(
            "Dataset class and reward manager on an export",
            partial(managed, trainer="verl", file="train.parquet"),
        ),
        Stage("GRPO, two steps", grpo, CAUSE),
    ),
)
