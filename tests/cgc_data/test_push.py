"""A release reaches the Hub whole or not at all, through faults; checked with the real client libraries over HTTP."""

import hashlib
import json
import os
import re
import subprocess
import sys
import uuid
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
from click.testing import CliRunner

from cgc_data.cli.push import push as push_command
from cgc_data.common.errors import CgcError, LicenseError, PushError, ReleaseError
from cgc_data.common.hub_client import connect
from cgc_data.config import Source
from cgc_data.hub import PushResult, push
from cgc_data.hub.gate import next_version
from cgc_data.look.documents import published_documents
from cgc_data.release.read import open_release
from tests.hub_double import TOKEN, Blob, Fault, Hub
from tests.tiny_release import write_manifest, write_tiny_release

REPO = "org/tiny"
BY_NC, BY_ND = (f"http://creativecommons.org/licenses/{name}/2.0/" for name in ("by-nc", "by-nd"))

LOAD = """
import json, sys
from datasets import load_dataset
repo, tag = sys.argv[1:]
result = {}
for config in ("default", "inter", "intra"):
    splits = load_dataset(repo, config, revision=tag)
    result[config] = {name: len(rows) for name, rows in splits.items()}
streamed = list(load_dataset(repo, "inter", revision=tag, split="test", streaming=True))
result["streamed"] = [len(streamed), streamed[0]["images"][1].size, streamed[0]["objects"][0]["bbox_2d"]]
print(json.dumps(result))
"""

FIRST_IMAGES = """
import sys
from datasets import load_dataset
print(load_dataset(sys.argv[1], "inter", revision=sys.argv[2])["train"][0]["images"])
"""


@pytest.fixture
def release(tmp_path: Path) -> Path:
    return write_tiny_release(tmp_path / "release", rows=2)


def content(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def published(hub: Hub, revision: str) -> dict[str, bytes]:
    return {path: data for path, data in hub.files(REPO, revision).items() if path != ".gitattributes"}


def as_published(folder: Path, tag: str | None = "v1.0.0") -> dict[str, bytes]:
    """The files of a release, with the documents of its version and their digests in the manifest."""
    release = open_release(folder)
    written = {name: text.encode() for name, text in published_documents(release, REPO, tag).items()}
    files = release.manifest["files"] | {name: hashlib.sha256(text).hexdigest() for name, text in written.items()}
    manifest = json.dumps({**release.manifest, "files": files}, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
    return content(folder) | written | {"manifest.json": manifest.encode()}


def load(repo: str, tag: str, home: Path, **environment: str) -> dict[str, Any]:
    """What `load_dataset` sees in a process without this package."""
    environment = {**os.environ, "HF_HOME": str(home), "HF_HUB_DISABLE_TELEMETRY": "1", **environment}
    command = [sys.executable, "-c", LOAD, repo, tag]
    done = subprocess.run(command, env=environment, cwd=home.parent, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


EXPECTED = {
    "default": {"train": 4, "validation": 4, "test": 4},
    "inter": {"train": 2, "validation": 2, "test": 2},
    "intra": {"train": 2, "validation": 2, "test": 2},
    "streamed": [2, [64, 48], [250, 250, 500, 500]],
}


def test_pushed_version_is_loaded_and_streamed(hub: Hub, release: Path, tmp_path: Path) -> None:
    events: list[str] = []
    result = push(release, REPO, tag="v1.0.0", on_event=events.append)
    assert published(hub, "v1.0.0") == as_published(release)
    assert hub.repos[REPO].tags == {"v1.0.0": result.commit}
    assert result.url == f"{hub.url}/datasets/{REPO}"
    assert result.load_example == 'load_dataset("org/tiny", "inter", revision="v1.0.0")'
    assert len(events) == len(content(release)) + 1
    assert load(REPO, "v1.0.0", tmp_path / "home") == EXPECTED


def test_paths_of_the_builder_are_not_published(hub: Hub, tmp_path: Path) -> None:
    source = {"key": "coco-0", "kind": "coco", "sha256": "ab" * 32}
    places = {"annotations": "/home/someone/a.json", "images": "../photos"}
    push(write_tiny_release(tmp_path / "release", sources=[source | places]), REPO, tag="v1.0.0")
    manifest = json.loads(published(hub, "v1.0.0")["manifest.json"])
    assert manifest["sources"] == [{**source, "annotations": "a.json", "images": "photos"}]


def test_files_are_sent_shards_first_and_the_tag_last(hub: Hub, release: Path) -> None:
    uploaded = push(release, REPO, tag="v1.0.0").uploaded
    folders = [path.split("/")[0] for path in uploaded]
    assert folders[:6] == ["inter"] * 3 + ["intra"] * 3
    assert folders[6:] == [
        *("assets", "rejected.parquet", "stats.json", "croissant.json", "LICENSE.md", "README.md"),
        "manifest.json",
    ]
    writes = [r for r in hub.requests if re.match("PUT|POST .*/(commit|tag)/", r)]
    assert [w.split("/")[4] for w in writes[-2:]] == ["tiny", "tiny"]
    assert "/commit/" in writes[-2]
    assert "/tag/" in writes[-1]
    assert all(w.startswith("PUT") for w in writes[:-2])


def test_without_tag_the_commit_stays_unnamed(hub: Hub, release: Path) -> None:
    result = push(release, REPO, tag=None)
    assert hub.repos[REPO].tags == {}
    assert result.commit == hub.repos[REPO].head
    assert result.commit in result.load_example


def test_large_files_go_up_in_parts(hub: Hub, release: Path) -> None:
    hub.multipart_bytes = 4096
    push(release, REPO, tag="v1.0.0")
    assert hub.count("PUT /lfs/.*/part/2") > 0
    assert published(hub, "v1.0.0") == as_published(release)


@pytest.mark.parametrize("effect", ["503", "drop", "lose"])
@pytest.mark.parametrize(
    ("pattern", "after"),
    [
        ("PUT", 2),
        ("POST .*/preupload", 1),
        ("POST .*/objects/batch", 0),
        ("POST .*/commit", 0),
        ("POST .*/tag", 0),
        ("POST .*/create", 0),
        ("GET .*/tree", 0),
        ("GET .*/whoami", 0),
    ],
)
def test_passing_fault_is_survived(hub: Hub, release: Path, pattern: str, after: int, effect: Any) -> None:
    hub.faults = [Fault(pattern, effect, after, times=2)]
    push(release, REPO, tag="v1.0.0")
    assert hub.faults[0].times < 2
    assert published(hub, "v1.0.0") == as_published(release)
    assert len(hub.repos[REPO].commits) == 2, "the repository's first commit and one of ours"


@pytest.mark.parametrize("effect", ["503", "drop"])
@pytest.mark.parametrize(("pattern", "after", "left"), [("PUT", 5, 3), ("POST .*/commit", 0, 0), ("POST .*/tag", 0, 0)])
def test_broken_push_continues(hub: Hub, release: Path, *, pattern: str, after: int, left: int, effect: Any) -> None:
    hub.faults = [Fault(pattern, effect, after, times=1000)]
    with pytest.raises(PushError, match=r"org/tiny: .*run the same command again"):
        push(release, REPO, tag="v1.0.0")
    assert hub.repos[REPO].tags == {}
    assert published(hub, "main") in ({}, as_published(release)), "never a part of a release"
    hub.faults, hub.requests = [], []
    push(release, REPO, tag="v1.0.0")
    assert hub.count("PUT") == left
    assert published(hub, "v1.0.0") == as_published(release)
    assert len(hub.repos[REPO].commits) == 2


def test_taken_version_is_refused_before_anything_is_sent(hub: Hub, release: Path, tmp_path: Path) -> None:
    first = push(release, REPO, tag="v1.2.9").commit
    hub.requests = []
    other = write_tiny_release(tmp_path / "other", rows=1)
    with pytest.raises(PushError, match=r"v1\.2\.9 exists with other content and is never moved; .* --tag v1\.2\.10"):
        push(other, REPO, tag="v1.2.9")
    assert hub.count("PUT|preupload|commit") == 0
    assert hub.repos[REPO].tags == {"v1.2.9": first}
    assert published(hub, "main") == as_published(release, "v1.2.9")


def during_upload(action: Callable[[], object]) -> Callable[[str], None]:
    """Event handler that acts once, when everything is uploaded and nothing committed."""
    return lambda message: action() if message.startswith("uploaded manifest.json") else None  # type: ignore[return-value]


def test_version_taken_meanwhile_is_not_moved(hub: Hub, release: Path) -> None:
    def take() -> None:
        repo = hub.repos[REPO]
        repo.tags["v1.0.0"] = repo.head

    with pytest.raises(PushError, match="someone else created this version in the meantime; choose the next --tag"):
        push(release, REPO, tag="v1.0.0", on_event=during_upload(take))
    assert published(hub, "v1.0.0") == {}


def test_commit_made_meanwhile_is_kept(hub: Hub, release: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    create, notes = huggingface_hub.HfApi.create_commit, {"NOTES.md": Blob(b"hello\n", lfs=False)}

    def create_after_another(api: huggingface_hub.HfApi, *args: Any, **options: Any) -> Any:
        if hub.count("POST .*/commit") == 0:
            hub.repos[REPO].commit(notes)
        return create(api, *args, **options)

    monkeypatch.setattr(huggingface_hub.HfApi, "create_commit", create_after_another)
    push(release, REPO, tag="v1.0.0")
    assert hub.count("POST .*/commit") == 2, "the first was refused, since it did not know of the notes"
    assert published(hub, "v1.0.0") == as_published(release) | {"NOTES.md": b"hello\n"}


@pytest.mark.parametrize(
    ("endpoint", "disabled"),
    [("https://huggingface.co", False), ("https://huggingface.co.example.org", True), ("http://127.0.0.1:9", True)],
)
def test_xet_is_for_the_official_hub_only(
    hub: Hub, monkeypatch: pytest.MonkeyPatch, endpoint: str, disabled: bool
) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_DISABLE_XET", False)
    monkeypatch.setenv("HF_ENDPOINT", endpoint)
    assert connect().endpoint == endpoint
    assert huggingface_hub.constants.HF_HUB_DISABLE_XET is disabled


def test_next_version_replaces_the_files_of_the_last(hub: Hub, release: Path, tmp_path: Path) -> None:
    (release / "assets" / "old.png").write_bytes((release / "assets" / "tasks.png").read_bytes())
    write_manifest(release)
    push(release, REPO, tag="v1.0.0")
    repo = hub.repos[REPO]
    repo.commit({**repo.commits[repo.head], "CITATION.cff": Blob(b"x\n", lfs=False)})
    second = write_tiny_release(tmp_path / "second", rows=2, name="second")
    (second / "intra" / "test-00000-of-00001.parquet").rename(second / "intra" / "test-00001-of-00002.parquet")
    write_manifest(second, name="second")
    result = push(second, REPO, tag="v1.0.1")
    assert published(hub, "v1.0.1") == as_published(second, "v1.0.1") | {"CITATION.cff": b"x\n"}
    assert published(hub, "v1.0.0") == as_published(release)
    assert "inter/train-00000-of-00001.parquet" in result.kept
    assert "intra/test-00001-of-00002.parquet" in result.uploaded


def test_files_outside_the_manifest_stay_at_home(hub: Hub, release: Path) -> None:
    (release / "notes.txt").write_text("private")
    push(release, REPO, tag="v1.0.0")
    assert "notes.txt" not in published(hub, "v1.0.0")


@pytest.mark.parametrize(
    ("tags", "expected"),
    [([], "v1.0.0"), (["v1.0.0", "v0.9.9"], "v1.0.1"), (["v2.9.0", "v2.10.3", "beta"], "v2.10.4")],
)
def test_next_version(tags: list[str], expected: str) -> None:
    assert next_version(tags) == expected


@pytest.mark.parametrize("tag", ["1.0.0", "v1.0", "v1.0.0-rc1", "v01.0.0", "latest", "", "v1.0.0\n"])
def test_version_of_another_form_is_refused(hub: Hub, release: Path, tag: str) -> None:
    with pytest.raises(PushError, match=r"vX\.Y\.Z"):
        push(release, REPO, tag=tag)
    assert hub.count("") == 0


@pytest.mark.parametrize("name", ["tiny", "a/b/c", "org/", "org/a b", "org/--x", "org/x.git", "https://hub/org/tiny"])
def test_malformed_name_is_refused(hub: Hub, release: Path, name: str) -> None:
    with pytest.raises(PushError, match="write ORG/NAME"):
        push(release, name, tag="v1.0.0")
    assert hub.count("") == 0


def shard(release: Path) -> Path:
    return release / "inter" / "train-00000-of-00001.parquet"


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda r: (r / "manifest.json").unlink(), "not a finished release"),
        (lambda r: shard(r).unlink(), "missing"),
        (lambda r: shard(r).write_bytes(shard(r.parent / "other").read_bytes()), "changed since the manifest"),
        (lambda r: (r / "README.md").write_text("other"), r"README.md: edited since the build.*add your text"),
        (lambda r: (r / "stats.json").unlink(), "stats.json: cannot be read"),
        (
            lambda r: (r / "stats.json").write_text("other"),
            "stats.json: cannot be used for the card .*build or download the release again",
        ),
        (
            lambda r: (r / "stats.json").write_text("{}"),
            "stats.json: cannot be used for the card .*build or download the release again",
        ),
        (lambda r: (r / "assets" / "tasks.png").unlink(), r"tasks.png: not readable"),
    ],
)
def test_spoiled_release_is_refused(hub: Hub, release: Path, spoil: Callable[[Path], object], message: str) -> None:
    write_tiny_release(release.parent / "other", rows=1)
    spoil(release)
    with pytest.raises(ReleaseError, match=message):
        push(release, REPO, tag="v1.0.0")
    assert hub.count("") == 0


@pytest.mark.parametrize(
    ("urls", "manifest", "noncommercial", "message"),
    [
        ({}, {}, False, None),
        ({"inter": "http://creativecommons.org/licenses/by-sa/2.0/"}, {}, False, None),
        ({"intra": BY_NC}, {}, False, "--licenses permissive, or with --images reference$"),
        ({"intra": BY_NC}, {}, True, "--noncommercial needs a release built with --licenses noncommercial"),
        ({"intra": BY_NC}, {"licenses": "noncommercial"}, False, "or push with --noncommercial$"),
        ({"intra": BY_NC}, {"licenses": "noncommercial"}, True, None),
        ({"inter": BY_ND}, {}, False, "whole photos under .*by-nd"),
        ({"inter": BY_ND}, {"licenses": "noncommercial"}, True, None),
        ({"intra": BY_ND}, {"licenses": "noncommercial"}, True, "windows of photos under .*by-nd"),
        ({"inter": ""}, {}, False, "without a license.*add each photo's license to the annotation file"),
        ({"intra": BY_ND}, {"image_mode": "reference", "licenses": "all"}, False, None),
    ],
)
def test_license_gate(
    hub: Hub,
    tmp_path: Path,
    *,
    urls: dict[str, str],
    manifest: dict[str, Any],
    noncommercial: bool,
    message: str | None,
) -> None:
    release = write_tiny_release(tmp_path / "release", rows=1, license_urls=urls, **manifest)
    if message is None:
        assert push(release, REPO, tag="v1.0.0", noncommercial=noncommercial).tag == "v1.0.0"
        return
    with pytest.raises(LicenseError, match=message):
        push(release, REPO, tag="v1.0.0", noncommercial=noncommercial)
    assert hub.count("") == 0


@pytest.mark.parametrize(
    ("repo", "token", "message"),
    [
        (REPO, None, "not logged in; run `hf auth login` or set HF_TOKEN"),
        (REPO, "hf_wrong", "the Hub rejected this token; run `hf auth login`"),
        ("elsewhere/tiny", TOKEN, "this token has no write access"),
    ],
)
def test_missing_rights(
    hub: Hub, release: Path, monkeypatch: pytest.MonkeyPatch, *, repo: str, token: str | None, message: str
) -> None:
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(PushError, match=message):
        push(release, repo, tag="v1.0.0", token=token)
    assert hub.repos == {}


def test_hub_out_of_reach(hub: Hub, release: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(PushError, match=r"no response from http://127.0.0.1:9 .*check the connection"):
        push(release, REPO, tag="v1.0.0")


def test_private_repository(hub: Hub, release: Path, tmp_path: Path) -> None:
    push(release, REPO, tag="v1.0.0", private=True)
    assert hub.repos[REPO].private
    push(write_tiny_release(tmp_path / "next", rows=1), REPO, tag="v1.0.1")
    assert hub.repos[REPO].private, "a later push does not publish it"


def test_private_push_to_a_public_repository_is_refused(hub: Hub, release: Path) -> None:
    push(release, REPO, tag="v1.0.0")
    with pytest.raises(PushError, match="exists and is public"):
        push(release, REPO, tag="v1.0.1", private=True)


def test_repository_with_other_content_is_left_alone(hub: Hub, release: Path) -> None:
    push(release, REPO, tag="v1.0.0")
    repo = hub.repos[REPO]
    head = repo.commit({"README.md": Blob(b"", lfs=False), "photos.zip": Blob(b"x", lfs=False)})
    with pytest.raises(PushError, match=r"contains photos\.zip, not a release"):
        push(release, REPO, tag="v1.0.1")
    assert repo.head == head


def test_command_prints_how_to_load(hub: Hub, release: Path) -> None:
    done = CliRunner().invoke(push_command, [str(release), REPO, "--tag", "v1.0.0"])
    assert done.exit_code == 0, done.output
    assert done.stdout == 'load_dataset("org/tiny", "inter", revision="v1.0.0")\n'
    again = CliRunner().invoke(push_command, [str(release), REPO, "--tag", "v1.0.0"])
    assert (again.exit_code, again.stdout) == (0, done.stdout)
    write_tiny_release(release.parent / "other", rows=1)
    other = CliRunner().invoke(push_command, [str(release.parent / "other"), REPO, "--tag", "v1.0.0"])
    assert isinstance(other.exception, CgcError)
    assert "\n" not in str(other.exception)


def test_a_dry_run_reports_and_contacts_nothing(hub: Hub, release: Path) -> None:
    command = [str(release), REPO, "--tag", "v1.0.0", "--private", "--dry-run"]
    done = CliRunner().invoke(push_command, command)
    assert (done.exit_code, hub.count("")) == (0, 0), done.output
    expected = as_published(release)
    assert done.stdout.splitlines() == [
        "repository: org/tiny, tag v1.0.0, private",
        f"files: {len(expected)} ({sum(map(len, expected.values())):,} bytes)",
        "card: README.md and its metadata are valid",
        "licenses: every stored photo may be published",
        "dry run: nothing was uploaded; the login, the repository, and the tag were not checked",
    ]
    refused = write_tiny_release(release.parent / "refused", rows=1, license_urls={"intra": BY_NC})
    other = CliRunner().invoke(push_command, [str(refused), *command[1:]])
    assert isinstance(other.exception, LicenseError)


def test_the_same_release_under_its_own_tag_is_already_there(hub: Hub, release: Path) -> None:
    first = push(release, REPO, tag="v1.0.0")
    hub.requests, events = [], []
    again = push(release, REPO, tag="v1.0.0", on_event=events.append)
    assert hub.count("PUT|POST") == 0
    assert (again.commit, again.uploaded, again.load_example) == (first.commit, (), first.load_example)
    assert events == [f"{hub.url}/datasets/{REPO} already has this release as v1.0.0"]


def test_it_is_the_same_release_whatever_its_documents_say(hub: Hub, release: Path) -> None:
    """Another version of the program rewords them, and the version on the Hub may be behind `main`."""
    first = push(release, REPO, tag="v1.0.0")
    push(write_tiny_release(release.parent / "next", rows=1), REPO, tag="v1.0.1")
    again = push(release, REPO, tag="v1.0.0", since=release.parent / "next")
    assert again.commit == first.commit
    assert published(hub, "v1.0.0") == as_published(release)


def test_a_tag_that_names_no_release_is_refused(hub: Hub, release: Path) -> None:
    push(release, REPO, tag="v1.0.0")
    repo = hub.repos[REPO]
    repo.tags["v1.0.1"] = next(iter(repo.commits))
    with pytest.raises(PushError, match="exists with other content"):
        push(release, REPO, tag="v1.0.1")


def test_the_card_of_a_new_version_says_what_changed(hub: Hub, release: Path) -> None:
    push(release, REPO, tag="v1.0.0")
    smaller = write_tiny_release(release.parent / "next", rows=1)
    push(smaller, REPO, tag="v1.0.1", since=release)
    card = published(hub, "v1.0.1")["README.md"].decode()
    assert "Compared with the previous version, which has 12 rows" in card
    assert "| `inter/locate` | 0 | 3 | 0 | 0 | 6 |" in card
    assert "| all | 0 | 6 | 0 | 0 | 9 |" in card
    assert "What changed" not in published(hub, "v1.0.0")["README.md"].decode()


@pytest.mark.hub
def test_true_hub(request: pytest.FixtureRequest, release: Path, tmp_path: Path) -> None:
    if "hub" not in request.config.option.markexpr or not os.environ.get("HF_TOKEN"):
        pytest.skip("pushes to the account of HF_TOKEN; run with `-m hub` and HF_TOKEN set")
    api = huggingface_hub.HfApi()
    repo = f"{api.whoami()['name']}/cgc-push-test-{uuid.uuid4().hex[:8]}"
    try:
        result: PushResult = push(release, repo, tag="v1.0.0", private=True)
        assert result.tag == "v1.0.0"
        assert load(repo, "v1.0.0", tmp_path / "home") == EXPECTED
        assert push(release, repo, tag="v1.0.0", private=True).uploaded == ()
        with pytest.raises(PushError, match="never moved"):
            push(write_tiny_release(tmp_path / "other", rows=1), repo, tag="v1.0.0", private=True)
    finally:
        api.delete_repo(repo, repo_type="dataset", missing_ok=True)


def test_build_pushes_what_it_built(hub: Hub, painted: list[Source], tmp_path: Path) -> None:
    """One command from annotations to a version that anyone loads; the painted photos are CC0."""
    sources = [("--coco", f"{source.annotations}:{source.images}") for source in painted[:2]]
    command = [sys.executable, "-c", "from cgc_data.cli import main; main()", "build", *chain(*sources), "--exhaustive"]
    publish = ["--out", str(tmp_path / "release"), "--samples", "60", "--push-to-hub", REPO, "--tag", "v0.1.0"]
    environment = {**os.environ, "HF_HOME": str(tmp_path / "hub-home"), "HF_HUB_DISABLE_TELEMETRY": "1"}
    done = subprocess.run([*command, *publish], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert f'load_dataset("{REPO}", "inter", revision="v0.1.0")' in done.stdout
    manifest = json.loads(published(hub, "v0.1.0")["manifest.json"])
    assert published(hub, "v0.1.0")["README.md"].decode().count('revision="v0.1.0"') == 1
    assert manifest["licenses"] == "permissive"
    assert [s["annotations"] for s in manifest["sources"]] == [Path(s.annotations).name for s in painted[:2]]
    loaded = subprocess.run(
        [sys.executable, "-c", FIRST_IMAGES, REPO, "v0.1.0"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "PIL" in loaded.stdout, loaded.stderr
