"""Tests vLLM as a server: held-out questions are sent to its OpenAI endpoint, and GRPO samples from the server."""

import base64
import io
import json
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

from PIL import Image

from cgc_train.data import held_out_set
from cgc_train.recipe import load_recipe
from cgc_train.run import open_run
from scripts.engines import vllm_cpu
from scripts.engines.records import Comparison, Stage, at_most, equal
from scripts.engines.rollouts import Judge, Rollout, opened, read
from scripts.engines.vllm_colocate import (
    ALIKE,
    HALF,
    SETTINGS,
    STEPS,
    TEMPERATURE,
    TOKENS,
    chances,
    greedy,
    logged_difference,
)
from scripts.engines.workplace import HOME, Workplace, broken, started

PORT = 18123
URL = f"http://127.0.0.1:{PORT}"
FLAGS = (
    "--host", "127.0.0.1", "--port", str(PORT), "--dtype", "float32", "--max-model-len", "2048", "--enforce-eager",
    "--logprobs-mode", "processed_logprobs", "--max-logprobs", "-1", "--enable-scale-out", "--max-num-seqs", "16",
    "--limit-mm-per-prompt", '{"image": 6, "video": 0}',
)  # fmt: skip
NO_CUDA = (
    "weights are transferred as files, because TRL 1.16 sends them only over NCCL and raises NotImplementedError "
    "without CUDA (trl/generation/vllm_client.py, VLLMClient.init_communicator)"
)


def answering(place: Workplace) -> list[Comparison]:
    """Send held-out questions to the OpenAI endpoint twice: once with greedy decoding, and once with sampling."""
    recipe = load_recipe("tiny-cpu", [f"data.release={place.material.release}", f"model.name={place.material.warm}"])
    rows = held_out_set(recipe, HOME / "cache" / "images")
    judge = Judge(place.material.warm, temperature=TEMPERATURE)
    with serving(place):
        likeliest, sampled = ([_ask(judge, row, heat) for row in rows] for heat in (0.0, TEMPERATURE))
    return [
        greedy(judge, likeliest, "through the OpenAI endpoint"),
        *chances([(judge, rollout) for rollout in sampled]),
    ]


def training(place: Workplace) -> list[Comparison]:
    """Run GRPO with a server that samples completions and answers held-out questions."""
    folder, notes = place.folder / "grpo", place.folder / "grpo-notes"
    given = (f"data.release={place.material.release}", f"model.name={place.material.warm}", *SETTINGS)
    mode = ("grpo.vllm_mode=server", f"grpo.vllm_server_base_url={URL}", "model.dtype=float32")
    with serving(place):
        vllm_cpu.train(place, notes, "--files", "grpo", "tiny-cpu", *given, *mode, "--to", str(folder))
    run, rollouts = open_run(folder), read(notes / "rollouts.jsonl")
    judge = Judge(run.model_folder, temperature=TEMPERATURE)
    return [
        equal(
            "number of held-out evaluations (before training, halfway, and at the end)",
            run.held_out_steps(),
            [0, HALF, STEPS],
        ),
        greedy(judge, [r for r in rollouts if r.held_out and r.step == STEPS], "weights of the last step"),
        at_most(
            "mean difference between vLLM and transformers in log-probability per sampled token",
            logged_difference(run),
            ALIKE,
            NO_CUDA,
        ),
    ]


@contextmanager
def serving(place: Workplace) -> Iterator[None]:
    """Context in which a vLLM server runs with the warmed-up model. Raises StageError if the server does not start."""
    command = [str(place.python), "-m", "scripts.engines.vllm_serve", "--model", str(place.material.warm), *FLAGS]
    log = place.folder / "server.log"
    with started(command, log, {**vllm_cpu.VARIABLES, "VLLM_SERVER_DEV_MODE": "1"}) as process:
        _wait(process, command, log)
        yield


def _wait(process: "subprocess.Popen[bytes]", command: Sequence[str], log: Path) -> None:
    end = time.monotonic() + vllm_cpu.SECONDS
    while process.poll() is None and time.monotonic() < end:
        try:
            with urlopen(f"{URL}/health", timeout=5):
                return
        except (URLError, OSError):
            time.sleep(2)
    raise broken(command, log)


def _ask(judge: Judge, row: dict[str, Any], temperature: float) -> Rollout:
    """Send a row's question to the endpoint. The returned prompt includes all tokens of its images."""
    hidden = dict.fromkeys(map(str, judge.hidden), -100)
    images = iter(row["images"])
    messages = [
        {"role": said["role"], "content": [_part(part, images) for part in said["content"]]} for said in row["prompt"]
    ]
    asked = {"model": str(judge.folder), "messages": messages, "max_tokens": TOKENS, "temperature": temperature}
    asked |= {"logprobs": True, "return_token_ids": True, "logit_bias": hidden, "seed": 0}
    answer = _post("/v1/chat/completions", asked)
    (choice,) = answer["choices"]
    told = [entry["logprob"] for entry in choice["logprobs"]["content"]]
    return Rollout(0, True, answer["prompt_token_ids"], row["images"], choice["token_ids"], told)


def _part(part: dict[str, Any], images: Iterator[str]) -> dict[str, Any]:
    if part["type"] == "text":
        return {"type": "text", "text": part["text"]}
    return {"type": "image_url", "image_url": {"url": _as_url(opened(next(images)))}}


def _as_url(image: Image.Image) -> str:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def _post(path: str, content: dict[str, Any]) -> dict[str, Any]:
    request = Request(f"{URL}{path}", json.dumps(content).encode(), {"Content-Type": "application/json"})
    with urlopen(request, timeout=vllm_cpu.SECONDS) as answer:
        found: dict[str, Any] = json.load(answer)
    return found


ENGINE = vllm_cpu.engine(
    "vllm-server",
    "vLLM as a server",
    Stage("Held-out questions through the OpenAI endpoint", answering),
    Stage("GRPO with sampling on the server and weights transferred as files", training),
)
