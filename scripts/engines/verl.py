"""verl: its data set class on an export, and this project's reward through its reward manager."""

from functools import partial

from scripts.engines.records import Engine, Stage
from scripts.engines.trainers import managed

ENGINE = Engine(
    name="verl",
    title="verl",
    packages=("verl", "torch", "transformers", "tensordict", "ray", "datasets"),
    requirements=("verl==0.9.1", "qwen-vl-utils", "fastapi", "uvicorn", "cachetools"),
    gigabytes=2.0,
    stages=(
        Stage(
            "Its data set class and its reward manager on an export",
            partial(managed, trainer="verl", file="train.parquet"),
        ),
    ),
)
