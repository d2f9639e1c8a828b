"""Determines how a chat template starts a response, and whether a response with this start can earn the format reward.

The chat templates of reasoning models start every response with `<think>`. If thinking is disabled, these templates
also add `</think>` immediately.
"""

import re
from collections.abc import Mapping, Sequence

from jinja2 import TemplateError

from cgc_data.answer import build_messages, with_thinking
from cgc_data.answer.prompt import Message
from cgc_train.errors import ModelError
from cgc_train.families import THINKING_SWITCHES
from cgc_train.protocols import Processor, TaughtRow
from cgc_train.reward.settings import PromptSettings

_TAG = re.compile(r"</?(?:think|answer)>")
_TAGS = ("<think>", "</think>", "<answer>", "</answer>")


def opening(processor: Processor, prompt: PromptSettings | None = None, **template: object) -> str:
    """The text that the chat template writes at the start of a response.

    For most models, the text is empty. For some models, the text is `<think>` and a line break.

    Args:
        processor: processor of the model.
        prompt: prompt settings, which state whether reasoning is requested; default: `PromptSettings()`.
        **template: settings of the chat template, such as `enable_thinking`.
    """
    think = (prompt or PromptSettings()).think
    messages = with_thinking(build_messages("Where is the dog?", 1), require_think=think)
    asked = (messages[-1]["content"][-1]["text"] or "").strip()
    after = rendered(processor, messages, **template).rpartition(asked)[2]
    tag = _TAG.search(after)
    return after[tag.start() :] if tag else ""


def check_template(
    name: str, processor: Processor, prompt: PromptSettings, template: Mapping[str, object] | None = None
) -> str:
    """Check the chat template of a model, and return its `opening`.

    Raises ModelError if no response could earn the format reward. The message names the model and the fix.
    """
    written = opening(processor, prompt, **(template or {}))
    # transformers warns about settings that a template does not have, so they are only tried where one is missing
    switch = _switch(processor, prompt, template or {}) if "</think>" in written else ""
    fault = prefix_fault(written, prompt, switch) or _lost_tag(processor)
    if fault:
        raise ModelError(f"{name}: {fault}")
    return written


def prefix_fault(written: str, prompt: PromptSettings, switch: str = "") -> str:
    """Describe the conflict between the prompt settings and the start of a response, and how to fix it. "" means no
    conflict.

    `switch` is the chat template setting that would enable thinking, or "" if there is no such setting.
    """
    needed, stated = _solid(written), _solid(prompt.prefix)
    closed = "</think>" in needed
    if closed and prompt.think:
        other = "use a chat template that allows reasoning"
        if switch:
            other = f"set grpo.chat_template_kwargs='{{{switch}: true}}' and prompt.prefix='<think>'"
        fault = f"the chat template writes {needed}, which prevents reasoning"
        return f"{fault}; set prompt.think=false, or {other}"
    if stated == needed or (closed and not stated):
        return ""
    if needed:
        return f"the chat template writes {needed}, but prompt.prefix is {stated!r}; set prompt.prefix='{needed}'"
    return f"prompt.prefix is {stated!r}, but the chat template adds no text to a response; remove prompt.prefix"


def _switch(processor: Processor, prompt: PromptSettings, template: Mapping[str, object]) -> str:
    """Find the chat template setting that opens a reasoning block without closing it. Returns "" if there is no such
    setting.
    """
    for name in THINKING_SWITCHES:
        if _solid(opening(processor, prompt, **{**template, name: True})) == "<think>":
            return name
    return ""


def check_taught(name: str, processor: Processor, row: TaughtRow) -> None:
    """Raise ModelError if the chat template starts a finished response differently from a new response.

    With such a template, SFT on `row` (`prompt` and `completion`) would teach a format that sampling does not use.
    """
    finished = rendered(processor, [*row["prompt"], *row["completion"]], add_generation_prompt=False)
    if not finished.startswith(rendered(processor, row["prompt"])):
        written = _solid(opening(processor)) or "the beginning of a response"
        raise ModelError(
            f"{name}: its chat template drops {written} from a finished response, so SFT would teach another "
            "format; use a chat template that keeps it"
        )


def rendered(processor: Processor, messages: Sequence[Message], **template: object) -> str:
    """Format a conversation as text, up to the start of the model's response. Raises ModelError if the chat template
    fails.
    """
    settings: dict[str, object] = {"tokenize": False, "add_generation_prompt": True, **template}
    try:
        return processor.apply_chat_template(list(messages), **settings)
    except (TemplateError, ValueError, TypeError, AttributeError) as error:
        name, reason = processor.tokenizer.name_or_path, " ".join(str(error).split())[:200]
        raise ModelError(f"{name}: no chat template that supports images ({reason}); use a Qwen3-VL model") from None


def _lost_tag(processor: Processor) -> str:
    """Describe the first tag that the tokenizer drops from responses, and how to fix this. Returns "" if no tag is
    dropped.
    """
    tokenizer = processor.tokenizer
    for tag in _TAGS:
        tokens = tokenizer(tag, add_special_tokens=False)["input_ids"]
        if tag not in tokenizer.decode(tokens, skip_special_tokens=True):
            return (
                f"the tokenizer removes {tag} from every response; set `special` to false for this token in "
                "tokenizer.json"
            )
    return ""


def _solid(text: str) -> str:
    return "".join(text.split())
