"""One painted folder and one release for all tests of the data, made once for any number of test processes."""

import json
import os
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from types import ModuleType

import huggingface_hub
import pytest
from filelock import FileLock

from cgc_data.builder.release import build_release
from cgc_data.config import BuildConfig, Source
from cgc_data.painter import paint
from tests.hub_double import TOKEN, Hub, serve

PHOTOS, SAMPLES = 48, 200


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that every test process of this run sees."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if os.environ.get("PYTEST_XDIST_WORKER") else own


@pytest.fixture(scope="session")
def painted(shared: Path) -> list[Source]:
    """Sources of 48 painted photos, with additional held-out and LVIS photos; never to be changed."""
    folder, record = shared / "painted", shared / "painted.json"
    with FileLock(shared / "painted.lock"):
        if not record.exists():
            sources = [asdict(source) for source in paint("standard", folder, photos=PHOTOS)]
            record.write_text(json.dumps(sources, default=str), encoding="utf-8")
    return [Source(**source) for source in json.loads(record.read_text(encoding="utf-8"))]


@pytest.fixture(scope="session")
def painted_config(painted: list[Source]) -> BuildConfig:
    """The configuration of the shared release."""
    return BuildConfig(sources=painted, preset="paper", samples=SAMPLES, shard_rows=60)


@pytest.fixture(scope="session")
def release(shared: Path, painted_config: BuildConfig) -> Path:
    """A finished release of the painted photos; never to be changed."""
    out = shared / "built" / "release"
    with FileLock(shared / "release.lock"):
        build_release(painted_config, out)  # returns immediately if it is finished
    return out


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    """A Hub of this test's own, which the client libraries take for theirs."""
    constants = huggingface_hub.constants
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setenv("HF_HUB_DISABLE_XET", "1")
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "no-token"))
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    with serve() as double:
        monkeypatch.setenv("HF_ENDPOINT", double.url)
        yield double


@pytest.fixture
def ray_alone(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """Ray, for one test at a time: clusters that start and end side by side on one machine take each other down."""
    ray = pytest.importorskip("ray", reason="the extra `ray` is not installed")
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    with FileLock(Path(tempfile.gettempdir()) / "cgc-tests-of-ray.lock"):
        yield ray
