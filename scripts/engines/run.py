"""Runs engines on this machine's CPU, and writes docs/engines.md.

Usage: python scripts/engines/run.py [ENGINE ...] [--stages WORDS] [--remove] [--fresh] [--list] [--page]

If no engine is named, all engines run. Each engine has a separate environment in .engines/, which is kept until its
requirements change. `--remove` deletes the environment and the outputs of an engine after its last stage. `--fresh`
builds the release and the models again. `--page` only rewrites the page and the headers of the recipes. `--stages` runs
only the stages whose names contain the text WORDS. The other stages keep their earlier results, unless the version of a
package has changed.
"""

import argparse
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from scripts.engines import report
from scripts.engines.environment import prepare, versions
from scripts.engines.material import make_material
from scripts.engines.records import Engine, Record, Result, Stage
from scripts.engines.registry import ENGINES
from scripts.engines.workplace import HOME, Material, StageError, Workplace


def run_engine(engine: Engine, material: Material, words: str = "") -> Iterator[Record]:
    """Install an engine and run its stages whose names contain `words`. Yields the engine's record after each stage."""
    record = Record(engine.name, engine.title, datetime.now(timezone.utc).date().isoformat(), {}, [])
    began = time.monotonic()
    try:
        python = prepare(engine)
    except StageError as error:
        seconds = time.monotonic() - began
        yield replace(record, results=[Result("Installation", seconds, command=error.command, error=error.error)])
        return
    folder = HOME / "runs" / engine.name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    record = replace(record, versions=versions(python, engine.packages))
    for stage in engine.stages:
        if words in stage.name:
            result = run_stage(stage, Workplace(python, folder, material))
            record = replace(record, results=[*record.results, result])
            yield record


def merged(before: Record, now: Record, stages: Sequence[str]) -> Record:
    """Merge two records of an engine. Stages that were not run again keep their results, unless a version changed."""
    if before.versions != now.versions:
        return now
    found = {result.stage: result for result in (*before.results, *now.results)}
    return replace(now, results=[found[name] for name in stages if name in found])


def run_stage(stage: Stage, workplace: Workplace) -> Result:
    """Run a stage and print its result, even if the stage fails."""
    began = time.monotonic()
    try:
        result = Result(stage.name, 0, stage.run(workplace), cause=stage.cause)
    except StageError as error:
        result = Result(stage.name, 0, [], error.command, error.error, stage.cause)
    timed = Result(**{**vars(result), "seconds": round(time.monotonic() - began, 1)})
    print(f"{'passed' if timed.passed else 'FAILED':7} {timed.seconds:5.0f} s  {stage.name}", flush=True)
    for entry in timed.comparisons:
        print(f"        {entry}", flush=True)
    if timed.error:
        print(f"$ {timed.command}\n{timed.error}", flush=True)
    return timed


def main() -> None:
    """Run the requested engines, and update the page after every stage."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    known = {engine.name: engine for engine in ENGINES}
    parser.add_argument("engines", nargs="*", metavar="ENGINE", help=", ".join(known))
    parser.add_argument(
        "--remove", action="store_true", help=("remove each environment and its runs when its engine is finished")
    )
    parser.add_argument("--fresh", action="store_true", help="build the release and the models again")
    parser.add_argument("--list", action="store_true", help="list the engines and exit")
    parser.add_argument(
        "--stages", default="", metavar="WORDS", help=("run only the stages whose names contain this text")
    )
    parser.add_argument("--page", action="store_true", help="rewrite the page and exit")
    asked = parser.parse_args()
    if unknown := [name for name in asked.engines if name not in known]:
        parser.error(f"there is no engine {unknown[0]!r}; choose from {', '.join(known)}")
    if asked.list:
        print("\n".join(f"{engine.name:16}{engine.title}" for engine in ENGINES))
        return
    if asked.page:
        report.write(report.read())
        return
    if asked.fresh:
        shutil.rmtree(HOME / "material", ignore_errors=True)
    shutil.rmtree(HOME / "runs", ignore_errors=True)
    passed = [run_and_report(known[name], asked.remove, asked.stages) for name in asked.engines or known]
    sys.exit(0 if all(passed) else 1)


def run_and_report(engine: Engine, remove: bool, words: str = "") -> bool:
    """Run an engine, and update the report after every stage. Returns whether all stages that ran have passed."""
    print(f"{engine.name}:", flush=True)
    before, names, passed = report.read().get(engine.name), [stage.name for stage in engine.stages], False
    for record in run_engine(engine, make_material(), words):
        whole = merged(before, record, names) if words and before else record
        report.write({**report.read(), engine.name: whole})
        passed = record.passed
    if remove:
        shutil.rmtree(HOME / engine.environment, ignore_errors=True)
        shutil.rmtree(HOME / "runs" / engine.name, ignore_errors=True)
    return passed


if __name__ == "__main__":
    main()
