"""verl: its data set class on an export, this project's reward through its reward manager, and its own training."""

from functools import partial

from scripts.engines.records import Comparison, Engine, Stage, skipped
from scripts.engines.trainers import PLUGINS, STEPS, export, managed, start
from scripts.engines.workplace import Workplace

BATCH, GROUP = 4, 4
CAUSE = """Upstream: `verl/single_controller/ray/base.py`, `create_resource_pool`, makes every pool of GPUs, whatever
`trainer.device` says. Tried: Ray told of a graphics card that is not there, by `num_gpus` of `ray_init`, and of enough
processors; the workers start, and `verl/utils/distributed.py`, `initialize_global_process_group_ray`, asks for NCCL:
"ProcessGroupNCCL is only supported with GPUs, no GPUs found!". Tried too: its newer trainer, the default, which asks
for `transfer_queue`, not among what the package requires. No other version was tried."""


def grpo(place: Workplace) -> list[Comparison]:
    """Two steps of its own training."""
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
        variables={"RAY_ADDRESS": "local", "RAY_USAGE_STATS_ENABLED": "0"}, seconds=300,
    )  # fmt: skip
    return [skipped("weights that it saved", "it has not come so far on any machine without a graphics card")]


ENGINE = Engine(
    name="verl",
    title="verl",
    packages=("verl", "torch", "transformers", "tensordict", "ray", "datasets"),
    requirements=("verl==0.9.1", "qwen-vl-utils", "fastapi", "uvicorn", "cachetools"),
    gigabytes=2.0,
    trainer=True,
    stages=(
        Stage(
            "Its data set class and its reward manager on an export",
            partial(managed, trainer="verl", file="train.parquet"),
        ),
        Stage("GRPO, two steps", grpo, CAUSE),
    ),
)
