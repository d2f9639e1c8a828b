"""Checks that every supported version of `datasets` reads a release and its exports identically, field by field.

Usage: python scripts/check_datasets_versions.py [--folder .datasets-versions] [VERSION]...

Installs each version of `datasets` into a separate environment in the folder. Later runs reuse these environments.
Compares the rows that each version reads with the rows that the currently installed version reads. Exits with status 1
if any rows differ or cannot be read.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

VERSIONS = ("3.6.0", "4.0.0", "4.8.0", "5.2.0")
ROWS = 160  # enough for every task to have rows
READER = Path(__file__).with_name("read_with_datasets.py")
Requests = dict[str, dict[str, Any]]


def main() -> None:
    """Write the data once, read it with every version, and compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("versions", nargs="*", default=VERSIONS)
    parser.add_argument("--folder", type=Path, default=Path(".datasets-versions"))
    options = parser.parse_args()
    folder = options.folder.resolve()
    requests = written(folder / "data")
    (folder / "requests.json").write_text(json.dumps(requests), encoding="utf-8")
    expected = answers(Path(sys.executable), folder, "installed")
    faults = [fault for version in options.versions for fault in compared(version, folder, expected)]
    sys.exit(1 if faults else 0)


def compared(version: str, folder: Path, expected: dict[str, Any]) -> list[str]:
    """Compare the rows that a version of `datasets` reads with the expected rows.

    Prints and returns the differences.
    """
    try:
        found = answers(environment(folder / version, version), folder, version)
    except subprocess.CalledProcessError as error:
        faults = [f"cannot be read: {(error.stderr or str(error)).strip().splitlines()[-1]}"]
    else:
        faults = list(differences(expected["found"], found["found"]))
    rows = sum(len(rows) for splits in expected["found"].values() for rows in splits.values())
    summary = f"{rows} rows of {len(expected['found'])} readings are those of {expected['version']}"
    print(f"datasets {version}: {'; '.join(faults[:5]) or summary}", flush=True)
    return faults


def differences(expected: Any, found: Any, where: str = "") -> Iterator[str]:
    """Yields a line for every place at which two nested values differ in content or type."""
    if type(expected) is not type(found):
        yield f"{where}: {type(found).__name__}, not {type(expected).__name__}"
    elif isinstance(expected, dict):
        for key in {**expected, **found}:
            yield from differences(expected.get(key), found.get(key), f"{where}/{key}")
    elif isinstance(expected, list) and len(expected) == len(found):
        for place, (one, other) in enumerate(zip(expected, found, strict=True)):
            yield from differences(one, other, f"{where}/{place}")
    elif expected != found:
        yield f"{where}: {found!r}, not {expected!r}"


def answers(python: Path, folder: Path, name: str) -> dict[str, Any]:
    """Run `scripts/read_with_datasets.py` with this Python interpreter and a separate cache, and return its output."""
    target = folder / f"{name}.json"
    home = {**os.environ, "HF_HOME": str(folder / "caches" / name), "HF_HUB_OFFLINE": "1"}
    command = [str(python), "-I", str(READER), str(folder / "requests.json"), str(target)]
    subprocess.run(command, env=home, check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(target.read_text(encoding="utf-8"))
    return found


def environment(folder: Path, version: str) -> Path:
    """The Python interpreter of an environment with this version of `datasets`. Creates the environment if needed."""
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    if not (folder / ".installed").exists():
        venv.create(folder, with_pip=True, clear=True)
        install = [str(python), "-m", "pip", "install", "-q", f"datasets=={version}", "pillow"]
        subprocess.run(install, check=True, capture_output=True, text=True)
        (folder / ".installed").touch()
    return python


def written(folder: Path) -> Requests:
    """Write two releases of painted photos with all tasks: one with stored images, and one without. Export the first
    release in every format.

    Returns a dict that maps the name of each dataset to the arguments with which `load_dataset` reads it.
    """
    from cgc_data.builder.release import build_release
    from cgc_data.config import BuildConfig
    from cgc_data.export import FORMATS, export_release
    from cgc_data.release.read import open_release
    from cgc_data.tasks import PLANNED, task_of

    shutil.rmtree(folder, ignore_errors=True)
    requests: Requests = {}
    for images in ("embed", "reference"):
        out = build_release(BuildConfig(preset="full", samples=ROWS, images=images), folder / images).folder
        if missing := set(PLANNED) - {task_of(row).id for row in open_release(out).rows()}:
            sys.exit(f"the release has no row of {', '.join(sorted(missing))}")
        for name in ("default", "inter", "intra"):
            requests[f"{images}/{name}"] = {"path": str(out), "name": name}
        requests[f"{images}/shards"] = {"path": "parquet", "data_files": {"test": str(out / "*" / "test-*.parquet")}}
    for form in FORMATS:
        files = export_release(open_release(folder / "embed"), folder / form, form)
        data = {path.stem: str(path) for path in files if path.stem != "dataset_info"}
        requests[form] = {"path": "parquet" if form == "verl" else "json", "data_files": data}
    streamed = {f"{name}, streamed": {**request, "streaming": True} for name, request in requests.items()}
    return requests | streamed


if __name__ == "__main__":
    main()
