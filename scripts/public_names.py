"""Checks that the public names of the three packages have docstrings.

Usage: python scripts/public_names.py [--sample N] [--seed N]

Prints names without a docstring, and exits with status 1 if there are any. `--sample` prints random docstrings, so that
you can review whether they state shapes, units, and errors.
"""

import argparse
import ast
import random
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("cgc_data", "cgc_train", "cgc_bench")
NONE: frozenset[str] = frozenset()
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


@dataclass(frozen=True)
class Name:
    """A module, class, function, or method: its location, signature, and docstring."""

    path: str
    place: str
    signature: str
    docstring: str


def main() -> None:
    """Print a random sample of docstrings, then the names without a docstring."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sample", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    names = list(public_names())
    for name in random.Random(options.seed).sample(names, options.sample):
        print(f"{name.place}\n{name.path}{name.signature}\n    {name.docstring}\n")
    missing = undocumented(names)
    print("".join(f"{name.place}: {name.path} has no docstring\n" for name in missing), end="")
    print(f"{len(names)} public names, {len(missing)} without a docstring")
    sys.exit(bool(missing))


def public_names(files: Iterable[Path] | None = None) -> Iterator[Name]:
    """All modules and names that do not start with an underscore. Names inside functions are skipped."""
    for file in files or (file for package in PACKAGES for file in sorted((ROOT / package).rglob("*.py"))):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        module = ".".join(_relative(file).with_suffix("").parts).removesuffix(".__init__")
        if all(not part.startswith("_") for part in module.split(".")):
            yield Name(module, f"{_relative(file)}:1", "", ast.get_docstring(tree) or "")
            yield from _inside(tree, module, file)


def undocumented(names: Iterable[Name]) -> list[Name]:
    """Names without a docstring."""
    return [name for name in names if not name.docstring]


def _relative(file: Path) -> Path:
    return file.relative_to(ROOT) if file.is_relative_to(ROOT) else Path(file.name)


def _inside(node: ast.Module | ast.ClassDef, path: str, file: Path, inherited: frozenset[str] = NONE) -> Iterator[Name]:
    classes = {child.name: child for child in node.body if isinstance(child, ast.ClassDef)}
    for child in node.body:
        if not isinstance(child, Definition) or child.name.startswith("_") or child.name in inherited:
            continue
        name = f"{path}.{child.name}"
        yield Name(name, f"{_relative(file)}:{child.lineno}", _signature(child), ast.get_docstring(child) or "")
        if isinstance(child, ast.ClassDef):
            yield from _inside(child, name, file, _documented_above(child, classes))


def _documented_above(node: ast.ClassDef, classes: Mapping[str, ast.ClassDef]) -> frozenset[str]:
    """Methods of a class that need no docstring: those that a base class in the same module documents, and all methods
    of a protocol for objects from other packages.
    """
    bases = [ast.unparse(base).partition("[")[0] for base in node.bases]
    above = [child for base in bases if base in classes for child in classes[base].body]
    listed = [child for child in node.body if "Protocol" in bases and isinstance(child, Definition)]
    documented = [child for child in above if isinstance(child, Definition) and ast.get_docstring(child)]
    return frozenset(child.name for child in (*documented, *listed) if not ast.get_docstring(child) or child in above)


def _signature(node: Definition) -> str:
    if isinstance(node, ast.ClassDef):
        return ""
    return f"({ast.unparse(node.args)}) -> {ast.unparse(node.returns) if node.returns else 'None'}"


if __name__ == "__main__":
    main()
