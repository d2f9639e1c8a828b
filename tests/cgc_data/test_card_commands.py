"""Every command of a card works: in the folder of a release, and from the Hub at the version pushed."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import huggingface_hub
import pytest

from cgc_data.builder.release import build_release
from cgc_data.builder.remove import remove_photo
from cgc_data.config import BuildConfig
from cgc_data.hub import push
from cgc_data.look import render_card
from cgc_data.release.locate import locate_release
from cgc_data.release.read import open_release
from tests.hub_double import Hub
from tests.tiny_release import write_tiny_release

REPO = "org/tiny"
WITHOUT_PACKAGE = 'import sys\nsys.modules["cgc_data"] = None\n'


@pytest.fixture(scope="module")
def light(painted_config: BuildConfig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release of the painted photos that stores none."""
    config = painted_config.model_copy(update={"images": "reference", "samples": 60})
    return build_release(config, tmp_path_factory.mktemp("light") / "release").folder


def blocks(card: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", card, re.DOTALL)


def run_python(card: str, folder: Path, home: Path, *, alone: bool, photos: str = "photos") -> str:
    """Run the card's Python in a folder; `alone`: where this package cannot be imported."""
    (code,) = blocks(card, "python")
    code = (WITHOUT_PACKAGE if alone else "") + code.replace('"photos"', repr(photos))
    code += "" if alone else "    break\n"
    code += "print(len(row['images']), 'images')"
    paths = os.pathsep.join(path for path in sys.path if path)
    environment = {**os.environ, "HF_HOME": str(home), "PYTHONPATH": paths, "HF_HUB_DISABLE_TELEMETRY": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def settings_of(card: str, program: str) -> dict[str, str]:
    """KEY=VALUE words of the card's line that starts with a program."""
    (line,) = [line for block in blocks(card, "bash") for line in block.splitlines() if line.startswith(program)]
    return dict(word.split("=", 1) for word in shlex.split(line) if "=" in word)


def test_commands_of_a_built_release_run_in_its_folder(release: Path, tmp_path: Path) -> None:
    card = (release / "README.md").read_text()
    assert "images" in run_python(card, release, tmp_path, alone=True)
    assert settings_of(card, "cgc-train") == {"data.release": "."}
    assert settings_of(card, "export") == {"CGC_BENCH_RELEASE": "."}


def test_commands_of_a_release_without_images_take_its_photos(light: Path, tmp_path: Path) -> None:
    card = (light / "README.md").read_text()
    photos = str(Path(open_release(light).manifest["sources"][0]["images"]).resolve())
    assert "images" in run_python(card, light, tmp_path, alone=False, photos=photos)
    assert settings_of(card, "cgc-train") == {"data.release": ".", "data.photos": "photos"}
    assert settings_of(card, "export") == {"CGC_BENCH_RELEASE": ".", "CGC_BENCH_PHOTOS": "photos"}


@pytest.mark.parametrize("kind", ["release", "light"])
def test_commands_of_a_pushed_release_name_its_repository_and_version(
    hub: Hub, request: pytest.FixtureRequest, tmp_path: Path, kind: str
) -> None:
    folder: Path = request.getfixturevalue(kind)
    photos = str(Path(open_release(folder).manifest["sources"][0]["images"]).resolve())
    result = push(folder, REPO, tag="v1.2.3")
    card = hub.files(REPO, "v1.2.3")["README.md"].decode()
    assert result.load_example.rstrip(")") in card.replace(', split="train"', "")
    (tmp_path / "elsewhere").mkdir()
    assert "images" in run_python(
        card, tmp_path / "elsewhere", tmp_path / "home", alone=kind == "release", photos=photos
    )
    assert settings_of(card, "cgc-train").items() >= {"data.release": REPO, "data.revision": "v1.2.3"}.items()
    expected = {"CGC_BENCH_RELEASE": REPO, "CGC_BENCH_RELEASE_REVISION": "v1.2.3"}
    assert settings_of(card, "export").items() >= expected.items()


def test_each_version_has_a_card_of_its_own(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pushed, downloaded, a photo removed, pushed again under other names: no card keeps what was before."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    push(write_tiny_release(tmp_path / "first", rows=3), REPO, tag="v1.0.0")
    downloaded = locate_release(REPO, "v1.0.0")
    image_id = next(downloaded.rows(["views"]))["views"][0]["image_id"]
    remove_photo(downloaded.folder, image_id, tmp_path / "second")
    local = (tmp_path / "second" / "README.md").read_text()
    assert not re.search(r"org/tiny|v1\.0\.0", local)
    push(tmp_path / "second", REPO, tag="v1.0.1")
    push(downloaded.folder, "org/copy", tag="v2.0.0")
    for repo, tag, others in ((REPO, "v1.0.1", "v1.0.0"), ("org/copy", "v2.0.0", r"v1\.0\.0|org/tiny")):
        card = hub.files(repo, tag)["README.md"].decode()
        assert re.search(rf'load_dataset\("{repo}", .*revision="{tag}"\)', card)
        assert not re.search(others, card)
        assert ("1 photo was removed" in card) == (tag == "v1.0.1")


def test_an_edited_card_is_neither_lost_nor_in_the_way(hub: Hub, tmp_path: Path) -> None:
    folder = write_tiny_release(tmp_path / "tiny", rows=1)
    (folder / "README.md").rename(tmp_path / "mine.md")
    push(folder, REPO, tag="v1.0.0")
    assert b'revision="v1.0.0"' in hub.files(REPO, "v1.0.0")["README.md"]
    assert not (folder / "README.md").exists()


@pytest.mark.parametrize(
    ("mode", "keep"),
    [
        *(("embed", part) for part in ("inter", "intra", "train", "test", "validation", "inter/train")),
        *(("reference", part) for part in ("intra", "train", "test")),
    ],
)
def test_commands_name_only_what_is_there(tmp_path: Path, mode: str, keep: str) -> None:
    release = open_release(write_tiny_release(tmp_path / "tiny", rows=1, image_mode=mode))
    shards = [shard for shard in release.manifest["shards"] if keep in shard["path"]]
    splits = {Path(shard["path"]).name.partition("-")[0]: 1 for shard in shards}
    stats = {**json.loads((release.folder / "stats.json").read_text()), "by_split": splits}
    for repo, tag in ((None, None), (REPO, "v1.0.0"), (REPO, None)):
        card = render_card({**release.manifest, "shards": shards}, stats, repo_id=repo, tag=tag)
        (code,) = blocks(card, "python")
        assert not re.search("VERSION|PATH/TO|None", code)
        assert (f'revision="{tag}"' in code) == (tag is not None)
        if mode == "embed":
            contrast, split = re.findall(r"\b(inter|intra)\b.*\b(train|validation|test)\b", code)[0]
            assert any(f"{contrast}/{split}-" in shard["path"] for shard in shards)
        commands = "".join(blocks(card, "bash"))
        assert ("cgc-train grpo" in commands, "lmms_eval" in commands) == ("train" in splits, "test" in splits)
        assert ("held_out_every=0" in commands) == ("train" in splits and "validation" not in splits)
