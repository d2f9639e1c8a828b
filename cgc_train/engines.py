"""Optional engines (such as vLLM and DeepSpeed) that recipes can use, and their tested versions.

`constraints-gpu.txt` pins the same versions, and a test verifies this.
"""

from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

from cgc_data.common.errors import MissingExtraError
from cgc_train.errors import RunError
from cgc_train.recipe import Recipe

TESTED = {"vllm": "0.31.0", "deepspeed": "0.19.8", "bitsandbytes": "0.50.2"}
# In this version, Conv3d, which turns images into patches, is many times slower
# (https://github.com/huggingface/trl/issues/4559).
SLOW_TORCH = "2.9"


def engines_of(recipe: Recipe) -> Iterator[tuple[str, str]]:
    """List the optional packages that a run imports, each with the recipe setting that requires it."""
    if recipe.grpo.get("use_vllm"):
        yield "vllm", "grpo.use_vllm=true"
    if recipe.sharing in ("zero2", "zero3"):
        yield "deepspeed", f"accelerate={recipe.accelerate}"
    if recipe.model.quantize:
        yield "bitsandbytes", f"model.quantize={recipe.model.quantize}"
    elif "8bit" in str(recipe.grpo.get("optim", "")):
        yield "bitsandbytes", f"grpo.optim={recipe.grpo['optim']}"
    if recipe.model.attention == "flash_attention_2":
        yield "flash_attn", "model.attention=flash_attention_2"


def need_engine(package: str, why: str) -> None:
    """Raise MissingExtraError if an engine is not installed. The message contains the pip command that installs the
    engine.
    """
    if find_spec(package) is None:
        raise MissingExtraError(f"{why} needs {package}, which is not installed; run: {install(package)}")


def check_gpu(recipe: Recipe) -> None:
    """Raise RunError if a recipe states a GPU memory size but this machine has no GPU."""
    import torch

    if recipe.gpu_memory_gb is not None and not torch.cuda.is_available():
        raise RunError(
            f"{recipe.name}: needs GPUs with {recipe.gpu_memory_gb:g} GB, and this machine has no GPU; run it on a GPU "
            "machine, or set gpu_memory_gb=null and accelerate=cpu to train on the CPU"
        )


def install(*packages: str) -> str:
    """The pip command that installs these packages. A package that has a tested version is pinned to it."""
    names = (package.replace("_", "-") for package in packages)
    return f"pip install {' '.join(f'{name}=={TESTED[name]}' if name in TESTED else name for name in names)}"


def untested(recipe: Recipe) -> dict[str, str]:
    """Find the recipe's engines whose installed minor version is not the tested one. Returns a mapping from the name of
    each such engine to its installed version.
    """
    found = {package: _installed(package) for package, _ in engines_of(recipe) if package in TESTED}
    return {package: seen for package, seen in found.items() if seen and _minor(seen) != _minor(TESTED[package])}


def slow_torch() -> str | None:
    """The installed version of torch, if it is known to process images many times slower than other versions.
    Otherwise, None.
    """
    seen = _installed("torch")
    return seen if seen and _minor(seen) == _minor(SLOW_TORCH) else None


def _installed(package: str) -> str | None:
    for name in (package, f"{package}-cpu"):
        try:
            return version(name)
        except PackageNotFoundError:
            continue
    return None


def _minor(number: str) -> list[str]:
    return number.split(".")[:2]
