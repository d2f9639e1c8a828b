"""The code of the documentation runs: tutorials from the first line to the last, and every example that is an answer.

Pushes go to a Hub in memory. What no test can run is marked in the page with the reason.
"""

import doctest
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import yaml

from tests.hub_double import TOKEN, Hub, serve
from tests.pages import PAGES, ROOT, Fence, fences

TUTORIALS = ("index", "tutorials/data", "tutorials/train", "tutorials/evaluate")
RUN = ("bash", "python")
REPO = "org/name"  # replaces ORG/NAME: the Hub in memory knows one organization
# Reasons to skip a block of a tutorial.
REASONS = ("installs packages", "needs a GPU", "needs GPUs", "downloads", "the run above is finished")
# What a line is given besides, so that a test ends in minutes: fewer photos, rows, and steps of the same commands.
SMALLER: Mapping[str, str] = {
    "cgc-data paint standard": "--photos 120",
    "cgc-data paint single": "--photos 120",
    "cgc-data build examples/painted.yaml": "--samples 60",
    "cgc-train grpo tiny-cpu": "grpo.max_steps=2 grpo.save_steps=2 grpo.num_generations=4 data.held_out_rows=4",
    "lmms_eval": "--limit 4",
}
# The id of a photo that the release shows, which replaces the one that a page names.
FIRST = 'from cgc_data import open_release as opened; print(next(opened("R").rows())["views"][0]["image_id"])'
A_PHOTO = f'"$(python -c {shlex.quote(FIRST)})"'
HEAVY = {"tutorials/train", "tutorials/evaluate"}  # they need torch


@pytest.fixture
def place(tmp_path: Path) -> Iterator[tuple[Path, dict[str, str], Hub]]:
    """A folder as a clone of the repository, the environment of a shell in it, and the Hub that it reaches."""
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    with serve() as hub:
        yield tmp_path, _environment(tmp_path, hub), hub


def _environment(folder: Path, hub: Hub) -> dict[str, str]:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    caches = {"HF_HOME": "home", "CGC_CACHE": "cache", "HF_DATASETS_CACHE": "datasets"}
    known = {name: str(folder / "outside" / place) for name, place in caches.items()}
    reached = {"HF_ENDPOINT": hub.url, "HF_TOKEN": TOKEN, "HF_HUB_OFFLINE": "0", "HF_HUB_DISABLE_XET": "1"}
    return os.environ | known | reached | {"PATH": path, "PYTHONPATH": _python_path(), "OMP_NUM_THREADS": "1"}


def _python_path() -> str:
    return f"{ROOT}:{ROOT / 'cards'}:{os.environ.get('PYTHONPATH', '')}"


def shell(fence: Fence) -> str:
    """The block as bash runs it: it stops at the first command that fails."""
    code = fence.code.replace("ORG/NAME", REPO)
    if fence.kind == "python":
        return f"{shlex.quote(sys.executable)} - <<'PYTHON'\n{code}PYTHON\n"
    return "".join(f"{_smaller(line)}\n" for line in code.splitlines())


def _smaller(line: str) -> str:
    line = re.sub(r"(?<=^cgc-data remove R --image-id )\d+", lambda _: A_PHOTO, line)
    added = [extra for start, extra in SMALLER.items() if line.startswith(start) and extra.split()[0] not in line]
    return " ".join([line, *added])


def tutorial(name: str) -> list[Fence]:
    """The blocks of a tutorial that run."""
    return [fence for fence in fences(ROOT / "docs" / f"{name}.md") if fence.kind in RUN and not fence.why]


@pytest.mark.parametrize("name", TUTORIALS)
def test_what_a_tutorial_leaves_out_has_a_reason(name: str) -> None:
    left_out = [fence for fence in fences(ROOT / "docs" / f"{name}.md") if fence.why]
    assert all(fence.why.startswith(REASONS) for fence in left_out)
    assert tutorial(name)


@pytest.mark.slow
@pytest.mark.timeout(1500)
@pytest.mark.parametrize("name", TUTORIALS)
def test_a_tutorial_runs_as_it_is_written(name: str, place: tuple[Path, dict[str, str], Hub]) -> None:
    folder, environment, hub = place
    if name in HEAVY:
        pytest.importorskip("trl")
        pytest.importorskip("lmms_eval")
    script = folder / "page.sh"
    script.write_text("set -euo pipefail\n" + "".join(shell(fence) for fence in tutorial(name)), encoding="utf-8")
    done = subprocess.run(
        ["bash", "-x", script.name], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-4000:]
    for page in _pages_named(name):
        assert (folder / page).is_file(), page
    pushed = re.findall(
        r"push \S+ ORG/NAME --tag (\S+)$", "".join(fence.code for fence in tutorial(name)), re.MULTILINE
    )
    assert not pushed or list(hub.repos[REPO].tags) == pushed


def _pages_named(name: str) -> list[str]:
    """The files that a tutorial lists to open now."""
    text = (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")
    return re.findall(r"(?:^|\n)(?:Open )?`([\w./-]+/index\.html)`", text)


@pytest.mark.parametrize(
    "page", [page for page in PAGES if any(f.kind == "pycon" for f in fences(page))], ids=lambda page: page.name
)
def test_examples_give_the_answers_that_are_printed(page: Path) -> None:
    code = "\n".join(fence.code for fence in fences(page) if fence.kind == "pycon")
    test = doctest.DocTestParser().get_doctest(code, {}, page.name, str(page), 0)
    wrong: list[str] = []
    result = doctest.DocTestRunner(verbose=False).run(test, out=wrong.append)
    assert result.attempted
    assert not result.failed, "".join(wrong)


def test_the_row_of_trl_is_paid_by_the_reward(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The snippet of the page on a release, and what its functions pay for true answers."""
    import datasets

    from scripts.formats_page import rows
    from tests.cgc_train.made_rows import write_release

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    files = [{"split": "train", "path": "inter/train-*.parquet"}]
    card = yaml.safe_dump({"configs": [{"config_name": "inter", "data_files": files}]})
    (write_release(tmp_path / "R", rows()) / "README.md").write_text(f"---\n{card}---\n", encoding="utf-8")
    (snippet,) = [fence.code for fence in fences(ROOT / "docs" / "formats.md") if fence.kind == "python"]
    names: dict[str, object] = {}
    exec(compile(snippet, "formats.md", "exec"), names)
    data, rewards = names["rows"], names["rewards"]
    assert isinstance(data, datasets.Dataset)
    assert isinstance(rewards, list)
    answers = [f"<think>seen</think><answer>{answer}</answer>" for answer in data["answer"]]
    columns = {name: list(data[name]) for name in data.column_names if name not in ("prompt", "images")}
    assert "[]" in data["answer"]
    assert [reward(answers, **columns) for reward in rewards] == [[1.0, 1.0], [1.0, 1.0]]
