"""Generates responses to many multi-image prompts in left-padded batches. Image tokens are never sampled.

Prediction, held-out evaluation during a warm-up, and `cgc-train difficulty` use this module. GRPO training uses TRL's
sampling code instead.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from PIL import Image as PILImage

from cgc_data.answer.prompt import Message
from cgc_train.families import VISUAL_TOKENS
from cgc_train.model.template import rendered
from cgc_train.protocols import Model, Processor

Messages: TypeAlias = Sequence[Message]
ImageLike: TypeAlias = "str | Path | PILImage.Image"


def visual_token_ids(processor: Processor) -> list[int]:
    """Ids of the image placeholder tokens."""
    tokenizer = processor.tokenizer
    ids = tokenizer.convert_tokens_to_ids(list(VISUAL_TOKENS))
    return [token for token in ids if token is not None and token != tokenizer.unk_token_id]


def generate(
    model: Model,
    processor: Processor,
    conversations: Sequence[Messages],
    images: Sequence[Sequence[ImageLike]],
    *,
    max_new_tokens: int = 512,
    temperature: float = 0.0,
    samples: int = 1,
    template: Mapping[str, object] | None = None,
    batch_size: int = 8,
    seed: int = 0,
) -> list[list[str]]:
    """Generate `samples` responses to each conversation.

    Args:
        model: a model loaded by `cgc_train.model`.
        processor: a processor that pads on the left.
        conversations: chat messages. The image parts of the messages are placeholders for `images`, in order.
        images: the images of each conversation, as file paths or PIL images.
        max_new_tokens: maximum length of a response, in tokens.
        temperature: sampling temperature; 0: greedy decoding, which makes all samples of a prompt identical.
        samples: responses per conversation.
        template: settings of the chat template, such as `enable_thinking`.
        batch_size: number of conversations processed at a time.
        seed: random seed. The same seed and batches give the same responses.
    """
    import torch

    responses: list[list[str]] = []
    with torch.random.fork_rng(devices=_devices(model)), torch.no_grad():
        torch.manual_seed(seed)
        for chosen in _batches(len(conversations), batch_size):
            prompts = [rendered(processor, conversations[place], **(template or {})) for place in chosen]
            shown = [[_opened(image) for image in images[place]] for place in chosen]
            responses += _answer(model, processor, prompts, shown, max_new_tokens, temperature, samples)
    return responses


def _answer(
    model: Model,
    processor: Processor,
    prompts: Sequence[str],
    images: Sequence[Sequence[PILImage.Image]],
    max_new_tokens: int,
    temperature: float,
    samples: int,
) -> list[list[str]]:
    inputs = processor(text=list(prompts), images=list(images), padding=True, return_tensors="pt").to(model.device)
    sampling: dict[str, object] = (
        {"do_sample": True, "temperature": temperature, "top_k": 0} if temperature > 0 else {"do_sample": False}
    )
    tokens = model.generate(
        **inputs,
        max_new_tokens=max_new_tokens,
        num_return_sequences=samples if temperature > 0 else 1,
        suppress_tokens=visual_token_ids(processor),
        pad_token_id=processor.tokenizer.pad_token_id,
        **sampling,
    )
    written = processor.batch_decode(tokens[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
    if temperature <= 0:
        return [[text] * samples for text in written]
    return [written[start : start + samples] for start in range(0, len(written), samples)]


def _opened(image: ImageLike) -> PILImage.Image:
    if isinstance(image, PILImage.Image):
        return image.convert("RGB")
    with PILImage.open(image) as file:
        pixels: PILImage.Image = file.convert("RGB")
        return pixels


def _batches(count: int, size: int) -> Iterator[range]:
    for start in range(0, count, size):
        yield range(start, min(start + size, count))


def _devices(model: Model) -> list[Any]:
    return [model.device] if model.device.type == "cuda" else []
