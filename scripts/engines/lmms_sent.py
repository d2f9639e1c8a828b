"""Runs lmms-eval and records what its model receives.

Usage: python -m scripts.engines.lmms_sent SENT.jsonl MODEL ARGUMENT ...

MODEL is lmms-eval's `qwen3_vl`, `vllm`, or `openai`; the arguments are passed to `lmms_eval`. Each line of SENT.jsonl
is a request: its texts and images in order, without the system prompt that `qwen3_vl` adds. An image is represented by
the sha256 of its size and RGB pixels. For `openai`, this process runs a server that always answers `[]`.
"""

import base64
import hashlib
import io
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock, Thread
from typing import Any
from unittest.mock import patch

from PIL import Image

Message = Mapping[str, Any]  # {"role": ..., "content": [...]}, in the form of transformers or of OpenAI
Part = tuple[str, str]  # ("text", text) or ("image", sha256)
ANSWER = "[]"
PATIENCE = 600  # seconds until `openai` repeats a request, which would be recorded twice


class Sent:
    """The file of requests. Several threads may write to the file at the same time."""

    def __init__(self, path: Path) -> None:
        self.path, self._lock = path, Lock()
        path.write_text("", encoding="utf-8")

    def add(self, messages: Sequence[Message]) -> None:
        """Write a request."""
        line = json.dumps(parts(messages)) + "\n"
        with self._lock, self.path.open("a", encoding="utf-8") as file:
            file.write(line)


def parts(messages: Sequence[Message]) -> list[Part]:
    """The texts and images of a conversation, in order."""
    return [part(content) for message in messages if message["role"] != "system" for content in message["content"]]


def part(content: Mapping[str, Any]) -> Part:
    """A part of a message: its text, or the sha256 of the image's size and pixels."""
    if content["type"] == "text":
        return "text", content["text"]
    picture = content["image"] if content["type"] == "image" else decoded(content["image_url"]["url"])
    rgb = picture.convert("RGB")
    return "image", hashlib.sha256(f"{rgb.size}".encode() + rgb.tobytes()).hexdigest()


def decoded(url: str) -> Image.Image:
    """The image in a data URL."""
    return Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2])))


def recorded(sent: Sent, function: Callable[..., Any], requests: Callable[..., Sequence[Any]]) -> Callable[..., Any]:
    """Wrap a function. Each call first records the requests that `requests` extracts from the arguments."""

    def run(*arguments: Any, **named: Any) -> Any:
        for messages in requests(*arguments, **named):
            sent.add(messages)
        return function(*arguments, **named)

    return run


def of_transformers(sent: Sent) -> AbstractContextManager[Any]:
    """Record the conversations that `qwen3_vl` receives."""
    from lmms_eval.models.chat import qwen3_vl

    def requests(conversations: Sequence[Any], **_: Any) -> Sequence[Any]:
        return conversations

    return patch.object(qwen3_vl, "process_vision_info", recorded(sent, qwen3_vl.process_vision_info, requests))


def of_vllm(sent: Sent) -> AbstractContextManager[Any]:
    """Record the conversations that vLLM receives."""
    from vllm import LLM

    def requests(_: object, messages: Sequence[Any], **__: Any) -> Sequence[Any]:
        return messages

    return patch.object(LLM, "chat", recorded(sent, LLM.chat, requests))


@contextmanager
def of_openai(sent: Sent) -> Iterator[str]:
    """Serve an OpenAI endpoint that records requests. Yields its address."""

    class Endpoint(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            sent.add(json.loads(self.rfile.read(int(self.headers["Content-Length"])))["messages"])
            choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": ANSWER}}
            reply = {"id": "0", "object": "chat.completion", "created": 0, "model": "stub", "choices": [choice]}
            body = json.dumps(reply).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Print nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Endpoint) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/v1"
        server.shutdown()


def main() -> None:
    """Run lmms-eval, and record the requests that its model receives."""
    from lmms_eval.cli.dispatch import main as evaluate

    path, model, *arguments = sys.argv[1:]
    recording = {"qwen3_vl": of_transformers, "vllm": of_vllm, "openai": of_openai}[model](Sent(Path(path)))
    with recording as address:
        if model == "openai":
            settings = f"model_version=stub,api_key=none,base_url={address},num_concurrent=1,timeout={PATIENCE}"
            arguments += ["--model_args", settings]
        sys.argv = ["lmms_eval", "--model", model, *arguments]
        evaluate()


if __name__ == "__main__":
    main()
