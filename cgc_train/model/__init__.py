"""Loads the model and the processor of a recipe or a run. Unsupported models are rejected with a one-line error."""

from cgc_train.model.load import load_base, load_config, load_trained, lora_config, quantisation
from cgc_train.model.numbers import qwen3_vl_8b_config
from cgc_train.model.processor import load_processor
from cgc_train.model.template import check_taught, check_template, opening

__all__ = [
    "check_taught",
    "check_template",
    "load_base",
    "load_config",
    "load_processor",
    "load_trained",
    "lora_config",
    "opening",
    "quantisation",
    "qwen3_vl_8b_config",
]
