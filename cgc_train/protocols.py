"""Typing protocols for objects of transformers, TRL, and PyTorch.

The type checker cannot see the types of these objects. These protocols list the attributes and keys that this package
uses, under the libraries' names for them. Using any other attribute or key is a type error.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypedDict

from cgc_data.answer.prompt import Message
from cgc_data.metrics import TruthRow

if TYPE_CHECKING:
    import torch


class TrainingRow(TruthRow):
    """A training row: the columns that scoring needs, plus the prompt and the images."""

    prompt: list[Message]
    images: list[str]  # paths


class TaughtRow(TrainingRow):
    """A training row for a warm-up, with the completion to learn."""

    completion: list[Message]


class TextPart(TypedDict, total=False):
    """A part of a completion's content. The key `text` exists only in text parts."""

    text: str | None


class Turn(TypedDict, total=False):
    """A message of a completion, in the format of TRL."""

    role: str
    content: str | Sequence[TextPart] | None


Completion: TypeAlias = "str | Sequence[Turn]"


class Tokenizer(Protocol):
    """A tokenizer of transformers."""

    name_or_path: str
    padding_side: str
    model_max_length: int
    init_kwargs: Mapping[str, Any]
    pad_token: str | None
    eos_token: str | None
    pad_token_id: int | None
    eos_token_id: int | None
    unk_token_id: int | None

    def __call__(self, text: str | list[str], **settings: object) -> Mapping[str, Any]: ...
    def __len__(self) -> int: ...
    def convert_tokens_to_ids(self, tokens: str | list[str]) -> Any: ...
    def decode(self, tokens: Sequence[int], **settings: object) -> str: ...


class ImageProcessor(Protocol):
    """The image processor of a Qwen model."""

    patch_size: int
    merge_size: int
    size: Mapping[str, int]


class Processor(Protocol):
    """A model's processor, which prepares text and images."""

    tokenizer: Tokenizer
    image_processor: ImageProcessor

    def __call__(self, **inputs: object) -> Any: ...
    def apply_chat_template(self, messages: list[Message], **settings: object) -> str: ...
    def batch_decode(self, tokens: object, **settings: object) -> list[str]: ...
    def save_pretrained(self, folder: str | Path) -> object: ...


class Renaming(Protocol):
    """A renaming of weights that transformers recorded when it loaded a model."""

    def was_used(self) -> bool: ...


class Model(Protocol):
    """A model with its weights."""

    _weight_conversions: list[Renaming] | None
    config: "ModelConfig"
    training: bool

    @property
    def device(self) -> "torch.device": ...
    def named_parameters(self) -> "Iterable[tuple[str, torch.nn.Parameter]]": ...
    def generate(self, **inputs: object) -> "torch.Tensor": ...
    def eval(self) -> "Model": ...
    def train(self, mode: bool) -> "Model": ...
    def to(self, target: "str | torch.dtype") -> "Model": ...
    def save_pretrained(self, folder: str | Path) -> object: ...


class GenerationConfig(Protocol):
    """Settings of sampling."""

    def update(self, **settings: object) -> object: ...


class TextConfig(Protocol):
    """The sizes of a language model."""

    vocab_size: int
    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_key_value_heads: int
    max_position_embeddings: int
    output_router_logits: bool  # only in models with experts


class VisionConfig(Protocol):
    """The sizes of a vision tower."""

    depth: int
    hidden_size: int
    intermediate_size: int
    patch_size: int
    spatial_merge_size: int
    in_channels: int
    temporal_patch_size: int


class ModelConfig(Protocol):
    """The configuration of a vision-language model."""

    model_type: str
    vision_config: VisionConfig

    def get_text_config(self) -> TextConfig: ...


class TrainerState(Protocol):
    """The progress of training."""

    global_step: int
    max_steps: int
    epoch: float | None
    is_world_process_zero: bool


class TrainerControl(Protocol):
    """The flags that a callback sets to control a trainer."""

    should_training_stop: bool


class AcceleratorState(Protocol):
    """The rank of this process."""

    process_index: int
    num_processes: int


class Accelerator(Protocol):
    """The object that coordinates the training processes."""

    state: AcceleratorState


class TrainingArguments(Protocol):
    """Training settings that GRPO and the warm-up have in common."""

    output_dir: str
    process_index: int
    gradient_checkpointing: bool
    gradient_checkpointing_kwargs: dict[str, object] | None
    model_init_kwargs: dict[str, object]
    logging_nan_inf_filter: bool

    def main_process_first(self, *, desc: str) -> AbstractContextManager[None]: ...


class Named(Protocol):
    """An enumeration member whose value is the name used in settings."""

    value: str


class GrpoArguments(TrainingArguments, Protocol):
    """TRL's GRPOConfig."""

    eval_strategy: str
    report_to: str | list[str] | None
    chat_template_kwargs: dict[str, object] | None
    generation_kwargs: dict[str, object] | None
    log_completions: bool
    save_strategy: str
    save_steps: float
    save_total_limit: int | None
    save_only_model: bool
    max_steps: int
    optim: Named
    learning_rate: float
    beta: float
    num_generations: int
    num_iterations: int
    steps_per_generation: int
    gradient_accumulation_steps: int
    per_device_train_batch_size: int
    max_completion_length: int
    use_vllm: bool
    vllm_mode: str
    vllm_enable_sleep_mode: bool
    vllm_gpu_memory_utilization: float
    vllm_tensor_parallel_size: int
    vllm_max_model_length: int | None


class CallbackTrainer(Protocol):
    """A trainer with changeable callbacks."""

    def remove_callback(self, callback: type, /) -> None: ...

    def add_callback(self, callback: object, /) -> None: ...


class PreparedTrainer(Protocol):
    """A trainer with a model that accelerate has prepared for training."""

    model: Model
    model_wrapped: object
    accelerator: Accelerator
    args: TrainingArguments


class AnsweringTrainer(Protocol):
    """A trainer that generates answers for held-out rows during training."""

    def gathered_answers(self) -> dict[str, str]: ...
