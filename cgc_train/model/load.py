"""Loads the weights of a recipe's base model, or of a trained model with or without adapters."""

import json
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cgc_train.engines import need_engine
from cgc_train.errors import ModelError
from cgc_train.families import FAMILIES
from cgc_train.model.processor import check_folder, shown_as_model_error
from cgc_train.protocols import Model, ModelConfig

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cgc_train.recipe import LoraSettings, ModelSettings

ADAPTER = "adapter_config.json"


def load_config(settings: "ModelSettings") -> ModelConfig:
    """Load a model's configuration. Raises ModelError if the model does not exist or its family is not supported."""
    from transformers import AutoConfig

    check_folder(settings.name, "config.json", ADAPTER)
    with shown_as_model_error(settings.name, "configuration"):
        config: ModelConfig = AutoConfig.from_pretrained(settings.name, revision=settings.revision)
    _check_family(settings.name, config.model_type)
    return config


def load_base(settings: "ModelSettings", device: str | None = None) -> Any:
    """Load a model with its weights for inference, in the recipe's data type. Raises ModelError if the model cannot be
    loaded.
    """
    import torch
    from transformers import AutoModelForImageTextToText

    load_config(settings)
    with shown_as_model_error(settings.name, "weights"):
        model = AutoModelForImageTextToText.from_pretrained(
            settings.name,
            revision=settings.revision,
            dtype=getattr(torch, settings.dtype),
            attn_implementation=settings.attention,
            quantization_config=quantisation(settings),
        )
    if settings.quantize:  # quantized weights are already on their device
        return model.eval()
    return model.to(device or default_device()).eval()


def load_trained(
    folder: Path | str, *, dtype: str = "float32", device: str | None = None, revision: str | None = None
) -> Any:
    """Load a trained model from a folder, or from the Hub at a revision. If the folder contains an adapter, its base
    model is loaded too.

    Raises ModelError if a model cannot be loaded.
    """
    import torch
    from transformers import AutoModelForImageTextToText

    name = str(folder)
    check_folder(name, "config.json", ADAPTER)
    if (Path(folder) / ADAPTER).is_file():
        return _with_adapter(Path(folder), dtype, device)
    with shown_as_model_error(name, "weights"):
        model = AutoModelForImageTextToText.from_pretrained(name, dtype=getattr(torch, dtype), revision=revision)
    _check_family(name, model.config.model_type)
    return model.to(device or default_device()).eval()


def base_of(adapter: Path) -> str:
    """The folder or Hub id of an adapter's base model. Raises ModelError if the adapter's configuration does not name
    the base model.
    """
    try:
        content = json.loads((adapter / ADAPTER).read_text(encoding="utf-8"))
        return str(content["base_model_name_or_path"])
    except (OSError, ValueError, KeyError):
        raise ModelError(f"{adapter / ADAPTER}: does not name its base model") from None


def lora_config(lora: "LoraSettings") -> Any:
    """Build the PEFT configuration for a recipe's adapters."""
    from peft import LoraConfig

    return LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules=lora.targets,
        task_type="CAUSAL_LM",
    )


def quantisation(settings: "ModelSettings") -> Any:
    """Build the transformers configuration for 4-bit weights, or return None if the recipe does not quantize the model.
    Raises MissingExtraError if bitsandbytes is not installed.
    """
    if settings.quantize is None:
        return None
    import torch
    from transformers import BitsAndBytesConfig

    need_engine("bitsandbytes", f"model.quantize={settings.quantize}")
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type=settings.quantize,
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=getattr(torch, settings.dtype),
    )


def freeze_vision(model: Model) -> None:
    """Freeze the vision tower and its merger (the projection into the language model)."""
    for name, parameter in model.named_parameters():
        if ".visual." in f".{name}":
            parameter.requires_grad_(False)


def keep_names(model: Model) -> None:
    """Make a model save its weights under the same names as in the loaded files.

    When a model is loaded under ZeRO-3, transformers records renamings that it did not apply to any weight. Without
    this function, saving the model would reverse these renamings, so other programs would not recognize the names.
    """
    renamings = getattr(model, "_weight_conversions", None)
    if renamings is not None:
        model._weight_conversions = [renaming for renaming in renamings if renaming.was_used()]


@contextmanager
def names_in_memory(model: Model) -> "Iterator[None]":
    """Context manager that makes a model save its weights in the in-memory format: one tensor for all experts of a
    layer.

    Released weights contain a separate tensor for each expert. When Trainer resumes from a checkpoint, it does not
    merge separate tensors. It would therefore skip the experts' weights in a checkpoint that has the released format.
    """
    conversions = getattr(model, "_weight_conversions", None)
    model._weight_conversions = []
    try:
        yield
    finally:
        model._weight_conversions = conversions


def route_quietly(model: Model) -> None:
    """Make a mixture-of-experts model return its router logits only on request, such as for a loss that needs them.

    TRL's SFTTrainer enables the router logits permanently, even in the saved config.json. Sampling from such a model
    fails.
    """
    config = model.config.get_text_config()
    if hasattr(config, "output_router_logits"):
        config.output_router_logits = False


def _check_family(name: str, model_type: str) -> None:
    if model_type not in FAMILIES:
        *others, last = FAMILIES
        raise ModelError(f"{name}: is a {model_type} model; this package trains {', '.join(others)} and {last} models")


def default_device() -> str:
    """`cuda` if available, else `cpu`."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def _with_adapter(folder: Path, dtype: str, device: str | None) -> Any:
    import torch
    from peft import PeftModel
    from transformers import AutoModelForImageTextToText

    base = base_of(folder)
    check_folder(base, "config.json")
    with shown_as_model_error(base, "weights under the adapter"):
        model = AutoModelForImageTextToText.from_pretrained(base, dtype=getattr(torch, dtype))
    with shown_as_model_error(str(folder), "adapter"):
        model = PeftModel.from_pretrained(model, str(folder))
    return model.to(device or default_device()).eval()
