"""Extends TRL's GRPOTrainer: corrects the handling of multi-image prompts, and answers held-out rows during training.

Comments and docstrings explain most overrides of TRL's methods. Everything else, including the loss, comes from TRL.
"""

import math
from collections.abc import Iterator, Sequence, Sized
from contextlib import AbstractContextManager, contextmanager, nullcontext
from copy import deepcopy
from itertools import groupby
from typing import Any, TypeAlias

import torch
from accelerate.utils import gather_object
from PIL import Image
from trl.trainer.utils import RepeatSampler

from cgc_train.errors import DivergedError, ModelError, RecipeError
from cgc_train.generate import visual_token_ids
from cgc_train.group_trainer import GroupTrainer
from cgc_train.model.files import LARGEST, is_sound
from cgc_train.model.load import freeze_vision, keep_names, names_in_memory, route_quietly
from cgc_train.model.once import each_image_once
from cgc_train.protocols import Completion, GenerationConfig, GrpoArguments, Processor, TrainingRow
from cgc_train.recipe import GroupSettings
from cgc_train.reward import text_of
from cgc_train.sampling import EpochSampler
from cgc_train.vllm_start import Rows, vllm_settings, vllm_started_with
from cgc_train.vllm_weights import forget_images, send_merged

NO_PROBABILITIES = "probability tensor contains"  # torch's error for logits that are not finite
Answers: TypeAlias = dict[str, str]


class GroundingTrainer(GroupTrainer):
    """GRPO training on rows from a release.

    Args:
        frozen_vision: freeze the vision tower.
        grades: curriculum grade of each row, from easy to hard. The rows must be sorted by grade, and every epoch keeps
            the grades in this order. None: no curriculum.
        groups: settings that state which groups of completions to learn from; None: all groups.
        given: arguments of TRL's GRPOTrainer, such as processing_class, args, train_dataset, eval_dataset, and
            peft_config.

    Raises:
        ModelError: the processor pads on the right.
        RecipeError: a checkpoint would be saved between two training steps that use the same completions.
        DivergedError: during training, the loss, the gradient, the weights, or the output probabilities are not finite.
    """

    def __init__(
        self,
        *,
        args: GrpoArguments,
        processing_class: Processor,
        train_dataset: Rows,
        eval_dataset: Rows | None = None,
        peft_config: object = None,
        frozen_vision: bool = True,
        grades: Sequence[int] | None = None,
        groups: GroupSettings | None = None,
        **given: object,
    ) -> None:
        check_padding(processing_class)
        check_saves(args)
        args.generation_kwargs = never_sampled(processing_class, args.use_vllm) | (args.generation_kwargs or {})
        # the default filter would hide a NaN in the log until the weights are NaN too
        args.logging_nan_inf_filter = False
        given |= {"train_dataset": train_dataset, "eval_dataset": eval_dataset, "peft_config": peft_config}
        with _vllm_told(args, processing_class, train_dataset, eval_dataset):
            super().__init__(args=args, processing_class=processing_class, grades=grades, groups=groups, **given)
        keep_names(self.model)
        route_quietly(self.model)
        if self.use_vllm:
            forget_images(self.vllm_generation)
        if self.use_vllm and peft_config is not None:
            send_merged(self.vllm_generation)
        self.generation_config: Any = getattr(self, "generation_config", None)  # vLLM has its own generation settings
        self.log_completions: bool = args.log_completions
        self.held_out_answers: Answers = {}  # held-out answers of this process since the last evaluation
        if frozen_vision and peft_config is None:
            freeze_vision(self.model)

    def gathered_answers(self) -> Answers:
        """Gather the held-out answers of all processes into one answer per row, and clear this process's answers."""
        pairs = gather_object(list(self.held_out_answers.items()))
        self.held_out_answers = {}
        return dict(sorted(map(tuple, pairs)))

    def _calculate_rewards(
        self,
        inputs: Sequence[TrainingRow],
        prompts: object,
        completions: Sequence[Completion],
        completion_ids_list: object,
    ) -> Any:
        if not self.model.training:
            rows = zip(inputs, completions, strict=True)
            self.held_out_answers |= {row["id"]: text_of(completion) for row, completion in rows}
        return super()._calculate_rewards(inputs, prompts, completions, completion_ids_list)

    def _generate_and_score_completions(self, inputs: Sequence[TrainingRow]) -> Any:
        with each_image_once(self.processing_class):
            return super()._generate_and_score_completions(inputs)

    # Resuming: the order of every epoch is a function of seed and epoch.
    def _get_train_sampler(self, dataset: Sized | None = None) -> EpochSampler:
        return EpochSampler(
            len(self.train_dataset if dataset is None else dataset),
            group=self.num_generations,
            prompts=self.args.generation_batch_size // self.num_generations,
            repeats=self.num_iterations * self.args.steps_per_generation,
            seed=self.args.seed,
            grades=self._grades,
        )

    # peft loads adapters in float32; TRL trains them in bfloat16 over 4-bit weights, and so must a resumed run.
    def _load_from_checkpoint(self, *given: object, **named: object) -> None:
        types = {name: parameter.dtype for name, parameter in self.model.named_parameters()}
        super()._load_from_checkpoint(*given, **named)
        for name, parameter in self.model.named_parameters():
            if parameter.dtype != types[name]:
                parameter.data = parameter.data.to(types[name])

    # Held-out rows keep their order, each repeated `num_generations_eval` times.
    def _get_eval_sampler(self, eval_dataset: Sized) -> Any:
        return RepeatSampler(eval_dataset, mini_repeat_count=self.num_generations_eval, shuffle=False)

    def _generate_single_turn(
        self,
        prompt_ids: list[list[int]],
        images: Sequence[Sequence[object]] | None,
        multimodal_fields: object,
        num_generations: int,
        *rest: object,
    ) -> Any:
        if self.use_vllm:
            # images are paths until here; vLLM needs pixels
            images = [[opened(image) for image in shown] for shown in images] if images else images
            if self.vllm_mode == "colocate":
                prompt_ids = [collapse_images(ids, self._image_pad_token_id) for ids in prompt_ids]
        with self._greedy_if_held_out():
            try:
                return super()._generate_single_turn(prompt_ids, images, multimodal_fields, num_generations, *rest)
            except RuntimeError as error:
                if NO_PROBABILITIES not in str(error):
                    raise
        raise self._diverged(f"after step {self.state.global_step}, the model's output probabilities are not finite")

    def training_step(self, model: object, inputs: object, num_items_in_batch: object = None) -> torch.Tensor:
        """Run one training step of TRL. Raises DivergedError if the loss is not finite."""
        loss: torch.Tensor = super().training_step(model, inputs, num_items_in_batch)
        if not torch.isfinite(loss):
            raise self._diverged(f"the loss of step {self.state.global_step + 1} is {loss.item()}")
        return loss

    # Runs resume from checkpoints, so checkpoints must not contain weights that can no longer be trained.
    def _save_checkpoint(self, model: Any, trial: object) -> None:
        for name, weight in model.named_parameters():
            if weight.requires_grad and not is_sound(getattr(weight, "ds_tensor", weight)):
                raise self._diverged(
                    f"after step {self.state.global_step}, the weight {name} is not finite or exceeds {LARGEST:g}"
                )
        with names_in_memory(self.model):
            super()._save_checkpoint(model, trial)

    def _diverged(self, what: str) -> DivergedError:
        return DivergedError(
            f"{self.args.output_dir}: {what}; start again, or resume a copy of the run, with a lower "
            "grpo.learning_rate or a higher grpo.beta"
        )

    # TRL would overwrite a step's completions with the held-out ones of the same step, and compare probabilities with
    # those of vLLM at temperature zero, which are all 1.
    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Log as TRL does, but log neither completions nor sampling metrics during evaluations.

        Raises DivergedError if the gradient is not finite.
        """
        norm = logs.get("grad_norm")
        if norm is not None and not math.isfinite(norm):
            raise self._diverged(f"the gradient of step {self.state.global_step} is {norm}")
        for name in [name for name in self._metrics["eval"] if name.startswith("sampling/")]:
            del self._metrics["eval"][name]
        wanted, self.log_completions = self.log_completions, self.log_completions and self.model.training
        super().log(logs, start_time)
        self.log_completions = wanted

    # `cgc-train push` writes the card, from the whole run.
    def create_model_card(self, *_: object, **__: object) -> None:
        """Do not write a card."""

    @contextmanager
    def _greedy_if_held_out(self) -> Iterator[None]:
        """Use greedy decoding for held-out rows, so that two evaluations differ only if the weights differ."""
        if self.model.training:
            yield
        elif self.use_vllm:
            before, self.vllm_generation.temperature = self.vllm_generation.temperature, 0.0
            yield
            self.vllm_generation.temperature = before
        else:
            sampled = self.generation_config
            self.generation_config = greedy(sampled)
            yield
            self.generation_config = sampled


def check_padding(processor: Processor) -> None:
    """Raise ModelError if the processor pads on the right, which would misalign images and their tokens."""
    if processor.tokenizer.padding_side != "left":
        raise ModelError("the processor pads on the right; load it with cgc_train.model.load_processor")


def check_saves(args: GrpoArguments) -> None:
    """Raise RecipeError if a checkpoint would be saved between two training steps that use the same completions."""
    passes = args.steps_per_generation * args.num_iterations
    if args.save_strategy == "steps" and (args.save_steps * args.gradient_accumulation_steps) % passes:
        raise RecipeError(
            f"with grpo.save_steps={args.save_steps:g}, checkpoints fall between steps that share completions, so a "
            f"resumed run would differ; set save_steps x gradient_accumulation_steps to a multiple of {passes}"
        )


def never_sampled(processor: Processor, use_vllm: bool) -> dict[str, object]:
    """Generation settings that prevent sampling of image placeholder tokens."""
    tokens = visual_token_ids(processor)
    return {"logit_bias": dict.fromkeys(tokens, -100.0)} if use_vllm else {"suppress_tokens": tokens}


def collapse_images(ids: Sequence[int], image_token: int) -> list[int]:
    """Collapse each run of consecutive image tokens to one token, because colocated vLLM expands this token again."""
    return [i for token, run in groupby(ids) for i in ([token] if token == image_token else run)]


def greedy(generation_config: GenerationConfig) -> GenerationConfig:
    """A copy of the generation settings with sampling disabled."""
    likeliest = deepcopy(generation_config)
    likeliest.update(do_sample=False, temperature=None, top_p=None, top_k=None, min_p=None)
    return likeliest


def opened(image: object) -> object:
    """Open an image if a path is given. Other values are returned unchanged."""
    if not isinstance(image, str):
        return image
    with Image.open(image) as file:
        return file.convert("RGB")


def _vllm_told(args: GrpoArguments, processor: Processor, *sets: Rows | None) -> AbstractContextManager[None]:
    if args.use_vllm and args.vllm_mode == "colocate":  # a server was started with its own settings
        return vllm_started_with(vllm_settings(args, processor, *sets))
    return nullcontext()
