"""Tries all training methods on all supported model families, and writes the results to a page as a table. The models
are tiny, start from random weights, and train on a CPU.

Usage: python scripts/try_families.py RELEASE WORK [--families NAME...] [--page docs/recipes.md]

A model with random weights never earns a reward, so its weights would never change. Therefore, every second completion
is replaced with a well-formed empty answer.
"""

import argparse
import shutil
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from transformers import AutoModelForImageTextToText

from cgc_train.check import run_checks
from cgc_train.data import held_out_set
from cgc_train.families import FAMILIES, Family
from cgc_train.generate import generate
from cgc_train.grpo import resume, run_grpo
from cgc_train.model import load_processor, load_trained
from cgc_train.model.files import is_sound
from cgc_train.publish.merge import merge
from cgc_train.recipe import Recipe, load_recipe
from cgc_train.run import image_folder, open_run
from cgc_train.sft import run_sft
from cgc_train.tiny import write_tiny
from cgc_train.trainer import GroundingTrainer

BEGIN, END = "<!-- families: written by scripts/try_families.py -->", "<!-- families: end -->"
PACKAGES = ("torch", "transformers", "trl", "peft", "accelerate")
SETTINGS = (
    *("data.held_out_every=1", "data.held_out_rows=4", "grpo.max_steps=2", "grpo.save_steps=1", "sft.max_steps=2"),
    *("effective_batch=8", "grpo.per_device_train_batch_size=8", "grpo.num_generations=4"),
    *("data.held_out_split=validation", "grpo.gradient_accumulation_steps=1", "sft.per_device_train_batch_size=8"),
    *("grpo.max_completion_length=24", "sft.logging_steps=1", "model.freeze_vision=true", "grpo.log_completions=false"),
)
ADAPTERS = ("model.lora={rank: 4, alpha: 8}",)


class Fault(Exception):
    """A result differs from the expected result."""


def hold(fault: str, is_so: bool) -> None:
    """Raise Fault unless the condition holds."""
    if not is_so:
        raise Fault(fault)


@dataclass(frozen=True)
class Trial:
    """One family, with its folder."""

    family: Family
    release: str
    folder: Path

    @cached_property
    def model(self) -> Path:
        """The tiny random model."""
        return write_tiny(self.folder / "tiny", family=self.family.model_type)

    def recipe(self, *settings: str, model: Path | None = None) -> Recipe:
        """The recipe `tiny-cpu` with two steps, short completions, and these settings."""
        prefix = ("prompt.prefix=<think>",) if self.family.thinking else ()
        named = (f"data.release={self.release}", f"model.name={model or self.model}")
        return load_recipe("tiny-cpu", [*SETTINGS, *named, *prefix, *settings])

    def warm_up(self) -> None:
        """Two steps of supervised training."""
        run = run_sft(self.recipe(), self.folder / "warm")
        hold("the warm-up changed nothing", bool(changed(run.model_folder, self.model)))
        loads(run.model_folder)

    def grpo(self) -> None:
        """Run two GRPO steps, with held-out answers before, between, and after the steps."""
        run = run_grpo(self.recipe(model=self.folder / "warm" / "model"), self.folder / "grpo")
        hold(
            "held-out answers are missing before, between, or after the steps",
            run.held_out_steps() == [0, 1, 2],
        )
        found = changed(run.model_folder, self.folder / "warm" / "model")
        hold("training changed nothing", bool(found))
        hold("the frozen vision tower changed", not any(".visual." in name for name in found))
        if self.family.experts:
            hold("no expert changed", any(".experts." in name for name in found))
        loads(run.model_folder)

    def resumed(self) -> None:
        """Resume a copy of the GRPO run from its first checkpoint. The copy must end with the same weights as the
        original run.
        """
        whole = open_run(self.folder / "grpo")
        copy = Path(shutil.copytree(whole.folder, self.folder / "resumed"))
        shutil.rmtree(copy / "model")
        shutil.rmtree(copy / "checkpoint-2")
        run = resume(open_run(copy))
        hold("the resumed run ended with different weights", not changed(run.model_folder, whole.model_folder))

    def lora(self) -> None:
        """Run two steps with LoRA adapters. Only the projections that are listed for the family may have adapters."""
        run = run_grpo(self.recipe(*ADAPTERS), self.folder / "lora")
        weights = load_file(run.model_folder / "adapter_model.safetensors")
        adapted = {name.split(".lora_")[0].rpartition(".")[2] for name in weights}
        hold(f"adapters went to {sorted(adapted)}", adapted <= set(self.family.projections))
        hold("the adapters learned nothing", any(weights[name].any() for name in weights if ".lora_B." in name))
        hold("an adapter is in the vision tower", not any(".visual." in name for name in weights))

    def merged(self) -> None:
        """Merge the adapters into their base model. The merged model must give the same logits as the unmerged one."""
        run = open_run(self.folder / "lora")
        folder = merge(run, self.folder / "merged", dtype="float32")
        hold("merging changed nothing", bool(changed(folder, self.model)))
        one, other = (logits(load_trained(place, device="cpu"), self.recipe()) for place in (folder, run.model_folder))
        hold("the merged model answers otherwise", torch.allclose(one, other, atol=1e-4))

    def checked(self) -> None:
        """Run `cgc-train check` twice: for training all weights, and for training adapters."""
        for settings in ((), ADAPTERS):
            recipe = self.recipe("grpo.max_completion_length=448", *settings)
            for finding in run_checks(recipe, self.folder / "unused"):
                hold(f"{finding.check}: {finding.line}", finding.status in ("ok", "warning"))


STAGES: dict[str, Callable[[Trial], None]] = {
    "check": Trial.checked,
    "warm-up": Trial.warm_up,
    "GRPO": Trial.grpo,
    "resume": Trial.resumed,
    "LoRA": Trial.lora,
    "merge": Trial.merged,
}


def changed(folder: Path, before: Path) -> set[str]:
    """Names of the weights that differ between two models or that only one of them has. The weights in `folder` must be
    finite.
    """
    one, other = (load_file(place / "model.safetensors") for place in (folder, before))
    hold(f"{folder.parent.name}: weights are not finite", all(map(is_sound, one.values())))
    differ = {name for name in one.keys() & other.keys() if not torch.equal(one[name], other[name])}
    return differ | (one.keys() ^ other.keys())


def loads(folder: Path) -> None:
    """Check that the unmodified transformers library loads a model without missing or unknown weights."""
    _, report = AutoModelForImageTextToText.from_pretrained(folder, output_loading_info=True)
    hold(f"{folder}: weights are missing or unknown", not report["missing_keys"] and not report["unexpected_keys"])


def logits(model: Any, recipe: Recipe) -> torch.Tensor:
    """Logits at every token of a held-out prompt, shape (1, tokens, vocabulary)."""
    rows, processor = held_out_set(recipe, image_folder()), load_processor(recipe.model, recipe.data.max_pixels)
    hold("no answer", len(generate(model, processor, [rows[0]["prompt"]], [rows[0]["images"]], max_new_tokens=4)) == 1)
    text = processor.apply_chat_template(rows[0]["prompt"], tokenize=False, add_generation_prompt=True)
    with torch.no_grad():
        found: torch.Tensor = model(**processor(text=[text], images=[rows[0]["images"]], return_tensors="pt")).logits
    return found


def pay_every_second() -> None:
    """Replace every second completion with a well-formed empty answer. All other completions stay as sampled."""
    sample = GroundingTrainer._generate_single_turn

    def sampled(self: Any, prompt_ids: list[list[int]], *rest: Any) -> Any:
        completions, chances = sample(self, prompt_ids, *rest)
        if self.model.training:
            tokenizer = self.processing_class.tokenizer
            begun = tokenizer.decode(prompt_ids[0][-4:]).strip().endswith("<think>")
            text = "" if begun else "<think>"
            paid = [*tokenizer(f"{text}Nothing.</think>\n<answer>[]</answer>")["input_ids"], tokenizer.eos_token_id]
            completions = [paid if place % 2 else ids for place, ids in enumerate(completions)]
        return completions, chances

    GroundingTrainer._generate_single_turn = sampled


def try_family(trial: Trial) -> dict[str, str]:
    """The result of each stage for one family. If a stage fails, later stages still run."""
    found = {}
    for name, stage in STAGES.items():
        try:
            stage(trial)
            found[name] = "ran"
        except Exception as error:  # the table reports any error
            traceback.print_exc()
            found[name] = f"failed: {type(error).__name__}"
        print(f"{trial.family.model_type}: {name}: {found[name]}", flush=True)
    return found


def table(found: dict[str, dict[str, str]]) -> str:
    """The results as a Markdown table, with package versions."""
    lines = ["| family | model type |" + "".join(f" {stage} |" for stage in STAGES), "|---" * (len(STAGES) + 2) + "|"]
    for name, stages in found.items():
        cells = (f"`{name}`", *(stages[stage] for stage in STAGES))
        lines.append(f"| `{FAMILIES[name].title}` | " + " | ".join(cells) + " |")
    versions = ", ".join(f"{package} `{version(package).partition('+')[0]}`" for package in PACKAGES)
    return "\n".join([BEGIN, *lines, "", f"Versions: {versions}.", END])


def write_page(page: Path, text: str) -> None:
    """Write the table between its marks on a page."""
    before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    page.write_text(before + text + rest.partition(END)[2], encoding="utf-8")


def main(words: Sequence[str]) -> int:
    """Try the families, print the table, and write it to the page if `--page` is given."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("release")
    parser.add_argument("work", type=Path, help="new folder")
    parser.add_argument("--families", nargs="+", choices=FAMILIES, default=list(FAMILIES))
    parser.add_argument("--page", type=Path, help="page whose table is rewritten")
    asked = parser.parse_args(words)
    pay_every_second()
    found = {name: try_family(Trial(FAMILIES[name], asked.release, asked.work / name)) for name in asked.families}
    print(table(found), flush=True)
    if asked.page:
        write_page(asked.page, table(found))
    return int(any(cell != "ran" for stages in found.values() for cell in stages.values()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
