"""Creates an environment for each engine on top of the project's environment (the one in which this script runs), so
that torch is installed only once.

The engine's packages take precedence, except torch and torchvision. These two always come from the project's
environment, even if an engine requires other versions. Packages that an engine does not install also come from the
project's environment.
"""

import json
import shutil
import sys
import sysconfig
import venv
from importlib.metadata import version
from pathlib import Path

from scripts.engines.records import Engine
from scripts.engines.workplace import HOME, StageError, run

KEPT = ("torch", "torchvision")
SPARE = 2.0  # gigabytes to keep free
SHOW = """
import json, sys
from importlib.metadata import PackageNotFoundError, version
found = {}
for name in sys.argv[1:]:
    try:
        found[name] = version(name)
    except PackageNotFoundError:
        pass
print(json.dumps(found))
"""


def prepare(engine: Engine, home: Path = HOME) -> Path:
    """Return the Python interpreter of an engine's environment. The environment is rebuilt if the engine's requirements
    have changed.

    Raises StageError if pip fails or the disk has too little free space.
    """
    folder, wanted = home / engine.environment, _wanted(engine)
    stamp, python = folder / "installed.json", folder / "bin" / "python"
    if stamp.is_file() and json.loads(stamp.read_text(encoding="utf-8")) == wanted:
        return python
    check_space(engine, home)
    shutil.rmtree(folder, ignore_errors=True)
    venv.create(folder, with_pip=False, symlinks=True)
    _layer(folder)
    _install(engine, folder, python)
    stamp.write_text(json.dumps(wanted, indent=1) + "\n", encoding="utf-8")
    return python


def versions(python: Path, packages: tuple[str, ...]) -> dict[str, str]:
    """Versions of the packages that an interpreter finds. Missing packages are omitted."""
    found: dict[str, str] = json.loads(run([str(python), "-c", SHOW, *packages], 60))
    return found


def check_space(engine: Engine, home: Path = HOME) -> None:
    """Raise StageError if the disk has less free space than an engine needs."""
    home.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(home).free / 1e9
    if free < engine.gigabytes + SPARE:
        needed = f"{engine.gigabytes:g} GB and {SPARE:g} GB to spare are needed, {free:.1f} GB are free"
        raise StageError(f"make engines ENGINES={engine.name}", needed)


def _wanted(engine: Engine) -> dict[str, object]:
    kept = {name: version(name) for name in KEPT}
    return {"requirements": list(engine.requirements), "alone": list(engine.alone), **kept, "base": sys.prefix}


def _layer(folder: Path) -> None:
    own = next(folder.glob("lib/python*/site-packages"))
    (own / "project.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")


def _install(engine: Engine, folder: Path, python: Path) -> None:
    constraints = folder / "constraints.txt"
    constraints.write_text("".join(f"{name}=={version(name)}\n" for name in KEPT), encoding="utf-8")
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet"]
    if engine.alone:
        run([*pip, "--no-deps", *engine.alone], 1800)
    if engine.requirements:
        run([*pip, "--constraint", str(constraints), *engine.requirements], 1800)
