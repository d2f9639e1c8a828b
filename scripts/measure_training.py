"""Runs a `cgc-train` command and measures its time, its GPU memory, the sampled tokens, and properties of the model.

Usage: python scripts/measure_training.py FACTS.json [--only-train] sft RECIPE [KEY=VALUE]... --to RUN

With `--only-train`, the process ends after the last step, before the model is saved. A model with random weights never
writes a well-formed answer, so it would earn no reward and learn nothing. Therefore, every second completion is turned
into a well-formed empty answer of the same length, with the sampled tokens as its reasoning.
"""

import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

OPEN, CLOSE = "<think>", "</think>\n<answer>[]</answer>"


class Measured:
    """Measurements of the process so far, by phase. With `only_train`, the process ends after training."""

    def __init__(self, file: Path | None = None, only_train: bool = False) -> None:
        self.file, self.only_train = file, only_train
        self.began = time.perf_counter()
        self.phases: list[dict[str, Any]] = []
        self.model: dict[str, Any] = {}

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Measure a phase of the run, excluding phases nested in it.

        The memory peaks cover only the time after the last nested phase.
        """
        inside, start = len(self.phases), _now()
        _reset()
        yield
        nested = sum(phase["seconds"] for phase in self.phases[inside:])
        self.phases.append({"phase": name, "seconds": _now() - start - nested, **_peaks()})
        self.write()  # the process may be stopped
        _reset()

    def look_at(self, trainer: Any) -> None:
        """Record which weights are trained, on which device, and with which data types."""
        parameters = list(trainer.model.parameters())
        names = [name for name, _ in trainer.model.named_modules() if name.endswith(".lora_A")]
        self.model = {
            "seconds_to_training": time.perf_counter() - self.began,
            "device": str(trainer.accelerator.device),
            "attention": trainer.model.config._attn_implementation,
            "bf16": trainer.args.bf16,
            "gradient_checkpointing": trainer.args.gradient_checkpointing,
            "adapted_modules": len(names),
            "weights": sum(map(_size, parameters)),
            "trained": sum(_size(parameter) for parameter in parameters if parameter.requires_grad),
            "types": dict(Counter(str(parameter.dtype) for parameter in parameters)),
            "trained_types": dict(Counter(str(p.dtype) for p in parameters if p.requires_grad)),
        }

    def write(self, error: str | None = None) -> None:
        """Write all measurements as JSON if a file was given.

        After an error, they include the memory peaks of the interrupted phase.
        """
        if self.file is None:
            return
        facts = {"seconds": time.perf_counter() - self.began, "error": error, "model": self.model}
        facts |= {"phases": self.phases, "at_error": _peaks() if error else {}}
        partial = self.file.with_suffix(".partial")
        partial.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
        partial.replace(self.file)


def framed(completion: Sequence[int], tokenizer: Any) -> list[int]:
    """An empty answer with the completion as its reasoning.

    It has the same length as the completion, unless the completion is shorter than an answer without reasoning.
    """
    opening, closing = (tokenizer(text, add_special_tokens=False)["input_ids"] for text in (OPEN, CLOSE))
    room = max(0, len(completion) - len(opening) - len(closing) - 1)
    return [*opening, *completion[:room], *closing, tokenizer.eos_token_id]


def watch(measured: Measured) -> None:
    """Wrap methods of the SFT and GRPO trainers so that `measured` times them.

    In training, `framed` also replaces every second sampled completion.
    """
    from cgc_train.sft import WarmUpTrainer
    from cgc_train.trainer import GroundingTrainer

    sample = GroundingTrainer._generate_single_turn

    def sampled(self: Any, prompt_ids: list[list[int]], *rest: Any) -> Any:
        with measured.phase("sampling" if self.model.training else "answering"):
            completions, chances = sample(self, prompt_ids, *rest)
        entry = measured.phases[-1]
        entry |= {"rows": len(prompt_ids), "longest_prompt": max(map(len, prompt_ids))}
        entry |= {"tokens": sum(map(len, completions)), "longest": max(map(len, completions))}
        measured.write()
        if self.model.training:
            tokenizer = self.processing_class.tokenizer
            completions = [framed(ids, tokenizer) if place % 2 else ids for place, ids in enumerate(completions)]
        return completions, chances

    setattr(GroundingTrainer, sample.__name__, sampled)
    for trainer in (GroundingTrainer, WarmUpTrainer):
        for name, around in (("training_step", _timed), ("train", _looked_at)):
            setattr(trainer, name, around(measured, getattr(trainer, name)))


def _timed(measured: Measured, step: Callable[..., Any]) -> Callable[..., Any]:
    def timed(self: Any, *given: Any, **named: Any) -> Any:
        with measured.phase("learning"):
            return step(self, *given, **named)

    return timed


def _looked_at(measured: Measured, train: Callable[..., Any]) -> Callable[..., Any]:
    def looked_at(self: Any, *given: Any, **named: Any) -> Any:
        measured.look_at(self)
        outcome = train(self, *given, **named)
        if measured.only_train:
            raise SystemExit(0)
        return outcome

    return looked_at


def _size(parameter: Any) -> int:
    """Number of values in a parameter, even if ZeRO-3 has moved them to other processes."""
    return int(getattr(parameter, "ds_numel", parameter.numel()))


def _now() -> float:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()


def _reset() -> None:
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()


def _peaks() -> dict[str, float]:
    """Peak GPU memory in gigabytes (10^9 bytes): allocated by tensors, and reserved by PyTorch."""
    if not torch.cuda.is_available():
        return {}
    return {
        "allocated_gb": torch.cuda.max_memory_allocated() / 1e9,
        "reserved_gb": torch.cuda.max_memory_reserved() / 1e9,
    }


def main() -> None:
    """Run the command, and write the measurements even if it fails."""
    from cgc_train.cli import main as cgc_train

    only_train, error = sys.argv[2] == "--only-train", None
    measured = Measured(Path(sys.argv[1]), only_train)
    watch(measured)
    sys.argv[: 3 if only_train else 2] = ["cgc-train"]
    try:
        cgc_train()
    except BaseException as raised:
        if not isinstance(raised, SystemExit) or raised.code:
            error = f"{type(raised).__name__}: {raised}"
        raise
    finally:
        measured.write(error)


if __name__ == "__main__":
    main()
