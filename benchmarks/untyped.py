"""Counts, for each package, code that the type checker cannot check: lines with `dict[str, Any]`, and arguments of type
Any.

Usage: python benchmarks/untyped.py [--files]
"""

import argparse
import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = ("cgc_data", "cgc_train", "cgc_bench")
UNTYPED = "dict[str, Any]"


def annotations(source: str) -> Iterator[ast.expr]:
    """The type annotation of every annotated argument."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            given = node.args
            rest = [argument for argument in (given.vararg, given.kwarg) if argument]
            for argument in (*given.posonlyargs, *given.args, *given.kwonlyargs, *rest):
                if argument.annotation is not None:
                    yield argument.annotation


def holds_any(annotation: ast.expr) -> bool:
    """Whether the annotation is or contains Any."""
    return any(isinstance(node, ast.Name) and node.id == "Any" for node in ast.walk(annotation))


def main() -> None:
    """Print both counts for each package. With --files, also print the files with the most arguments of type Any."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", action="store_true", help="also list the files with the most arguments of type Any")
    by_file = parser.parse_args().files
    for package in PACKAGES:
        files = {path: path.read_text(encoding="utf-8") for path in sorted((ROOT / package).rglob("*.py"))}
        lines = sum(UNTYPED in line for source in files.values() for line in source.splitlines())
        total = sum(1 for source in files.values() for _ in annotations(source))
        counts = Counter({path: sum(map(holds_any, annotations(source))) for path, source in files.items()})
        share = 100 * counts.total() / total
        print(
            f"{package:<10} {lines:>4} lines with {UNTYPED}, {counts.total():>4} of {total} arguments ({share:.1f} %)"
        )
        for path, count in counts.most_common() if by_file else ():
            if count:
                print(f"  {count:>4} {path.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
