"""What a chat template writes of the response before the model does: nothing, `<think>`, or an empty think block.

The reward reads `prompt.prefix` before the completion, so it has to state exactly this. Otherwise a checkpoint whose
template opens `<think>` never earns the format reward, whatever it writes.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from cgc_train.errors import RecipeError
from cgc_train.model.processor import shown_as_model_error

if TYPE_CHECKING:
    from cgc_train.reward.settings import PromptSettings

OPEN, CLOSE = "<think>", "</think>"
ASKED = [{"role": "user", "content": [{"type": "text", "text": "?"}]}]


def opening_of(processor: Any, template_settings: Mapping[str, Any] | None = None) -> str:
    """What the chat template writes of the response, from `<think>` on; empty if it leaves the start to the model.

    `template_settings` are the template's variables, such as TRL's `chat_template_kwargs`. Raises ModelError if the
    template cannot be rendered.
    """
    settings = dict(template_settings or {})
    with shown_as_model_error("the processor", "chat template"):
        asked, answering = (
            processor.apply_chat_template(ASKED, add_generation_prompt=begin, tokenize=False, **settings)
            for begin in (False, True)
        )
    _, opened, rest = str(answering).removeprefix(str(asked)).partition(OPEN)
    return opened + rest


def opening_fault(opening: str, prompt: "PromptSettings") -> tuple[str, str] | None:
    """Why a response that begins with `opening` cannot earn the format reward, and the fix; None if it can."""
    opened, stated = opening.strip(), prompt.prefix.strip()
    if opened.endswith(CLOSE):
        if prompt.think:
            return (
                f"the chat template closes the reasoning itself ({_shown(opened)}), but prompt.think asks for it",
                "set prompt.think=false, or turn thinking on in grpo.chat_template_kwargs",
            )
        return None if stated in ("", opened) else _unlike(opened, stated, f"prompt.prefix='{_shown(opened)}'")
    if opened == stated:
        return None
    return _unlike(opened, stated, f"prompt.prefix='{opened}'" if opened else "prompt.prefix=''")


def check_opening(processor: Any, prompt: "PromptSettings", template_settings: Mapping[str, Any] | None = None) -> None:
    """Raise RecipeError if `prompt.prefix` does not state what the chat template writes of the response."""
    if fault := opening_fault(opening_of(processor, template_settings), prompt):
        raise RecipeError("; ".join(fault))


def _unlike(opened: str, stated: str, setting: str) -> tuple[str, str]:
    written = f"the chat template begins the response with {_shown(opened)}" if opened else "the chat template does not"
    if not opened:
        return f"prompt.prefix says that the response begins with {stated!r}, but {written}", f"set {setting}"
    return f"{written}, but prompt.prefix is {stated!r}, so the format would never be paid", f"set {setting}"


def _shown(text: str) -> str:
    return " ".join(text.split())
