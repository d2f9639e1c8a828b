"""Checks of the model: special tokens, chat template, size, weight files, and LoRA adapters."""

import re
from pathlib import Path

from cgc_train.check.context import Context, Finding, Unchecked, failed, ok, warning
from cgc_train.families import FAMILIES, IMAGE_TOKEN, targets
from cgc_train.model import check_template as checked_opening
from cgc_train.model.files import damage, listed_files


def check_processor(context: Context) -> Finding:
    """Check that the processor pads on the left, and that it has a padding token, an end token, and an image token."""
    name = context.recipe.model.name
    if context.processor is None:
        raise Unchecked(
            f"padding side and special tokens were not checked, because the processor of {name} is not available"
        )
    tokenizer = context.processor.tokenizer
    if tokenizer.pad_token_id is None or tokenizer.eos_token_id is None:
        return failed(f"{name}: has no pad token or no end token", "set both in its tokenizer_config.json")
    if tokenizer.pad_token_id == tokenizer.eos_token_id:
        message = f"{name}: pads with the token that ends an answer, {tokenizer.eos_token!r}"
        return failed(message, "set another pad_token in the model's tokenizer_config.json")
    if tokenizer(["a", "a b c d"], padding=True)["attention_mask"][0][-1] == 0:
        return failed(
            f"{name}: pads on the right, which misplaces every image",
            ("set padding_side to left in the model's tokenizer_config.json"),
        )
    if tokenizer.convert_tokens_to_ids(IMAGE_TOKEN) in (None, tokenizer.unk_token_id):
        return failed(f"{name}: its tokenizer has no {IMAGE_TOKEN}", "choose a model of a supported family")
    tokens, rows = len(tokenizer), context.model_config.get_text_config().vocab_size
    if tokens > rows:
        message = f"{name}: its tokenizer has {tokens:,} tokens, but its config.json has a vocab_size of {rows:,}"
        return failed(message, "copy the tokenizer and config.json from the same model", tokens, rows)
    return ok(
        f"the tokenizer pads on the left with {tokenizer.pad_token!r} and ends responses with {tokenizer.eos_token!r}"
    )


def check_template(context: Context) -> Finding:
    """Check that the chat template starts every response with `prompt.prefix`. Otherwise, no response could earn the
    format reward.
    """
    name, prompt = context.recipe.model.name, context.recipe.prompt
    if context.processor is None:
        raise Unchecked(f"the prefix of responses was not checked, because the processor of {name} is not available")
    settings = context.recipe.grpo.get("chat_template_kwargs")
    written = checked_opening(name, context.processor, prompt, settings).strip()
    return ok(f"the chat template starts every response with {written or 'nothing'}, which matches prompt.prefix")


def check_model(context: Context) -> Finding:
    """Report how many weights the model has. They are counted on PyTorch's meta device, so none are loaded."""
    shape, name = context.shape, context.recipe.model.name
    size = f"{shape.total / 1e9:.2f} billion" if shape.total > 10**8 else f"{shape.total:,}"
    return ok(f"{name}: {size} weights, {shape.layers} layers, context {shape.context:,}", shape.total)


def check_weights(context: Context) -> Finding:
    """Check that the weight files of a model folder are present and complete. The weights themselves are not read."""
    name = context.recipe.model.name
    folder = Path(name)
    if not folder.is_dir():
        raise Unchecked(f"{name}: the run downloads its weights")
    files = sorted(folder.glob("*.safetensors"))
    if not [*files, *folder.glob("*.bin")]:
        return failed(
            f"{name}: contains no weights", ("choose a folder that contains *.safetensors, or a model on the Hub")
        )
    if missing := sorted(listed_files(folder) - {file.name for file in files}):
        return failed(f"{folder / missing[0]}: is missing", "copy or download the model again", len(missing), 0)
    for file in files:
        if reason := damage(file):
            return failed(f"{file}: is damaged ({reason})", "copy or download it again")
    return ok(f"weight files: {len(files)}, all complete", len(files))


def check_adapters(context: Context) -> Finding:
    """Check that the LoRA pattern matches every projection in the language model and no other module."""
    lora, shape = context.recipe.model.lora, context.shape
    if lora is None:
        trained = "the language model" if context.recipe.model.freeze_vision else "everything"
        return ok(f"no adapters: {trained} is trained")
    matched = {name for name in shape.linears if re.fullmatch(lora.targets, name)}
    family = FAMILIES[context.model_config.model_type]
    intended = {name for name in shape.language_linears if name.rpartition(".")[2] in family.projections}
    fix = f"set model.lora.targets='{targets(family.projections)}'"
    if outside := sorted(matched - shape.language_linears.keys()):
        message = f"model.lora.targets matches {len(outside)} modules outside the language model, such as {outside[0]}"
        return failed(message, fix)
    if not matched:
        return failed("model.lora.targets matches no module", fix, 0, len(intended))
    weights = f"{shape.adapter(lora.targets, lora.rank) / 1e6:,.1f} million weights"
    message = f"adapters ({weights}) on {len(matched)} of {len(intended)} projections; none are in the vision tower"
    message += "; the routed experts are not trained" * family.experts
    if matched != intended:
        return warning(message, fix, len(matched), len(intended))
    return ok(message, len(matched), len(intended))
