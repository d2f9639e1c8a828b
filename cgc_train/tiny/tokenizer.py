"""A small byte-level tokenizer, trained on the project's own prompts and answers, with Qwen's special tokens.

Digits stay single tokens, so that a coordinate is written the same way wherever it stands.
"""

from collections.abc import Iterator

from cgc_data.answer import ANSWER_FORM, ANSWER_INSTRUCTION, THINK_INSTRUCTION, Object, format_response
from cgc_data.answer.wording import POOLS, Reference, ask, template_count
from cgc_data.tasks import pool_gives_box, pool_names_image
from cgc_data.vocabulary.names import readable
from cgc_train.protocols import Tokenizer

PAD, START, END = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
VISION_START, VISION_END, IMAGE, VIDEO = "<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>"
SPECIAL = (PAD, START, END, VISION_START, VISION_END, IMAGE, VIDEO)

VOCABULARY = 1024

# What every prompt and every answer repeats is one token each: a prompt is short, and what varies stands out.
PHRASES = (
    ANSWER_FORM,
    THINK_INSTRUCTION,
    ANSWER_INSTRUCTION,
    "Write the label as",
    "<think>",
    "</think>\n<answer>",
    "<answer>",
    "</answer>",
    '[{"img_idx": ',
    ', {"img_idx": ',
    ', "bbox_2d": [',
    '], "label": ',
    "}]",
    "[]",
    ", ",
)
# Texts are short and many, so that merges reach whole words.
LABELS: tuple[str, ...] = (
    "apple",
    "ball",
    "banana",
    "bench",
    "bicycle",
    "bird",
    "book",
    "bottle",
    "bowl",
    "car",
    "cat",
    "chair",
    "clock",
)
LABELS += ("cup", "dog", "horse", "kite", "laptop", "person", "potted plant", "sheep", "teddy bear", "umbrella", "vase")


def train_tokenizer() -> Tokenizer:
    """A Qwen2 tokenizer of at most `VOCABULARY` tokens, padding on the left; the same for every call."""
    from transformers import Qwen2Tokenizer

    untrained = Qwen2Tokenizer(eos_token=END, pad_token=PAD, extra_special_tokens=list(SPECIAL), padding_side="left")
    tokenizer = untrained.train_new_from_iterator(corpus(), VOCABULARY - len(SPECIAL), show_progress=False)
    tokenizer.padding_side = "left"
    tokenizer.add_tokens(list(PHRASES))
    trained: Tokenizer = tokenizer
    return trained


def corpus() -> Iterator[str]:
    """Every phrasing about some names, both instructions, and answers in the strict form."""
    for label in LABELS:
        name = readable(label)
        for pool in POOLS:
            reference = Reference(1, (120, 88, 430, 512)) if pool_gives_box(pool) else None
            image = 2 if pool_names_image(pool) else None
            for number in range(template_count(pool)):
                yield ask(pool, number, [name], count_images=2 + number % 3, ref=reference, image=image)
        yield format_response([Object(2, (305, 67, 849, 912), label)], "The images are looked at one by one.")
        yield format_response([], f"No image shows the {label}.")
        yield f"Image 1: \nImage 2: \n{THINK_INSTRUCTION}\n{ANSWER_INSTRUCTION}"
