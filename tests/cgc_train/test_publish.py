"""What a run publishes: weights that stock classes load, a card with the measurements, one commit, and a tag."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("trl")

import huggingface_hub
import torch
from click.testing import CliRunner
from huggingface_hub import HfApi, ModelCard
from PIL import Image

from cgc_data.answer import build_messages
from cgc_data.common.errors import PushError
from cgc_train.cli.push import push
from cgc_train.errors import RunError
from cgc_train.grpo import run_grpo
from cgc_train.model import load_processor, load_trained
from cgc_train.publish import merge, model_card, push_model
from cgc_train.recipe import ModelSettings
from cgc_train.run import Run, create_run
from tests.cgc_train.conftest import made_recipe
from tests.hub_double import TOKEN, Hub, serve

STOCK = """
import sys
sys.modules["cgc_train"] = sys.modules["cgc_data"] = None
from transformers import AutoModelForImageTextToText, AutoProcessor
model = AutoModelForImageTextToText.from_pretrained(sys.argv[1])
print(type(AutoProcessor.from_pretrained(sys.argv[1])).__name__, model.dtype)
"""


@pytest.fixture
def run(run_values: dict[str, Any], tmp_path: Path) -> Run:
    """A finished run of adapters."""
    return run_grpo(made_recipe(run_values, model={"lora": {"rank": 4, "alpha": 64}}), tmp_path / "run")


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    with serve() as double:
        monkeypatch.setenv("HF_ENDPOINT", double.url)
        yield double


def logits(model: Any, folder: Path) -> torch.Tensor:
    processor = load_processor(ModelSettings(name=str(folder)))
    text = processor.apply_chat_template(build_messages("Where?", 2), tokenize=False)
    images = [Image.new("RGB", (64, 64), colour) for colour in ("red", "blue")]
    with torch.no_grad():
        found: torch.Tensor = model(**processor(text=[text], images=images, return_tensors="pt")).logits
    return found


def test_merged_weights_answer_like_adapter_and_base(run: Run, tmp_path: Path) -> None:
    merged = merge(run, tmp_path / "merged", dtype="float32")
    adapted = logits(load_trained(run.model_folder), run.model_folder)
    assert torch.allclose(logits(load_trained(merged), merged), adapted, atol=1e-4)
    with load_trained(run.model_folder).disable_adapter():
        assert not (merged / "adapter_config.json").exists()


def test_stock_classes_load_it_without_this_package(run: Run, tmp_path: Path) -> None:
    merged = merge(run, tmp_path / "merged")
    shown = subprocess.run([sys.executable, "-c", STOCK, str(merged)], capture_output=True, text=True, check=True)
    assert shown.stdout.split() == ["Qwen3VLProcessor", "torch.bfloat16"]


def test_a_checkpoint_can_be_merged_and_others_are_told(run: Run, tmp_path: Path) -> None:
    assert (merge(run, tmp_path / "first", checkpoint=1) / "model.safetensors").is_file()
    with pytest.raises(RunError, match="no checkpoint 7; choose from 1, 2"):
        merge(run, tmp_path / "other", checkpoint=7)
    with pytest.raises(RunError, match="is not empty"):
        merge(run, tmp_path / "first")


def test_an_unfinished_run_is_refused(run_values: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(RunError, match="not finished"):
        merge(create_run(tmp_path / "open", made_recipe(run_values)), tmp_path / "merged")


def test_the_card_says_what_was_measured(run: Run) -> None:
    card = ModelCard(model_card(run, "org/model"))
    assert card.data.license == "apache-2.0"
    assert "tiny randomly initialized model" in card.text
    assert "before (step 0) | after (step 2)" in card.text
    assert "whole image" in card.text
    assert "| miou |" in card.text
    assert "| - | - | 0 |" not in card.text, "a metric without rows"
    assert "revision" not in card.text


def test_the_card_loads_the_version_that_was_pushed(run: Run) -> None:
    text = model_card(run, "org/model", tag="v1.0.0")
    loads = re.findall(r'(\w+)\("org/model", revision="v1\.0\.0"', text)
    assert loads == ["from_pretrained", "from_pretrained", "Predictor"]
    assert text.startswith("---\nlicense: ")


def test_a_push_is_one_commit_and_a_tag_that_stays(hub: Hub, run: Run, tmp_path: Path) -> None:
    pushed = push_model(run, "org/model", tag="v1.0.0")
    api = HfApi(endpoint=hub.url, token=TOKEN)
    files = {file.path for file in api.list_repo_tree("org/model", recursive=True)}
    assert {"README.md", "recipe.yaml", "config.json", "model.safetensors", "assets/curve-1.png"} <= files
    assert "training_args.bin" not in files
    assert pushed.tag == "v1.0.0"
    assert 'revision="v1.0.0"' in Path(api.hf_hub_download("org/model", "README.md", local_dir=tmp_path)).read_text()
    for name in sorted(files):
        if name.endswith((".json", ".md", ".yaml", ".jinja")):
            content = Path(api.hf_hub_download("org/model", name, local_dir=tmp_path / "got")).read_text()
            assert str(tmp_path) not in content, f"{name} names a place on this machine"
    shutil.rmtree(run.model_folder)  # the tag is refused before anything is merged
    with pytest.raises(PushError, match=r"v1\.0\.0 exists and is never moved; choose the next, --tag v1\.0\.1"):
        push_model(run, "org/model", tag="v1.0.0")


def test_a_dry_run_prints_the_card_that_a_push_publishes(run: Run, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")  # nothing answers here
    found = CliRunner().invoke(push, [str(run.folder), "org/model", "--tag", "v1.0.0", "--dry-run"])
    assert found.exit_code == 0, found.output
    card, summary = found.stdout, found.stderr
    assert re.search(r"files: \d+ \([\d,]+ bytes\)", summary)
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    push_model(run, "org/model", tag="v1.0.0")
    assert card == hub.files("org/model")["README.md"].decode()


def test_results_of_benchmarks_are_pushed_with_the_model(hub: Hub, run: Run, tmp_path: Path) -> None:
    score = tmp_path / "score.json"
    content = {
        "task": "mig",
        "protocol": "strict",
        "annotations": "revised",
        "n": 9,
        "items": 9,
        "macro": {"acc@0.5": 41.25},
    }
    score.write_text(json.dumps(content))
    push_model(run, "org/scored", results=[str(score)])
    files = hub.files("org/scored")
    card = ModelCard(files["README.md"].decode())
    assert [(entry.metric_type, entry.metric_value) for entry in card.data.eval_results] == [("acc@0.5", 41.25)]
    assert "| mig | acc@0.5 | 41.2 | protocol strict, annotations revised, 9 of 9 items |" in card.text
    assert b"value: 41.25" in files[".eval_results/mig-strict.yaml"]
    assert b"url: " + f"{hub.url}/org/scored".encode() in files[".eval_results/mig-strict.yaml"]


def test_a_private_push_refuses_a_public_repository(hub: Hub, run: Run) -> None:
    HfApi(endpoint=hub.url, token=TOKEN).create_repo("org/public")
    with pytest.raises(PushError, match="exists and is public"):
        push_model(run, "org/public", private=True)


def test_a_repository_of_others_is_left_alone(hub: Hub, run: Run) -> None:
    api = HfApi(endpoint=hub.url, token=TOKEN)
    api.create_repo("org/theirs")
    api.upload_file(path_or_fileobj=b"x", path_in_repo="weights.txt", repo_id="org/theirs")
    with pytest.raises(PushError, match=r"contains weights\.txt"):
        push_model(run, "org/theirs")
