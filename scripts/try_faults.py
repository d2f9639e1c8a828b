"""Breaks builds and releases in every known way, and checks that no data is lost, incorrect, or written to the wrong
place.

Usage: python scripts/try_faults.py [--seed N] [--without GUARD | --self-test]

`--without` disables a guard (a safety check of the package) in the tested processes. The script must then report a
fault. `--self-test` disables one guard after another. Each time, it causes the fault that this guard prevents, and
checks that the fault is reported. Exits with status 1 if a fault was not caught or if a self-test failed.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "cards")]

from scripts.faults import builds  # noqa: E402 - the package is found by now
from scripts.faults.hooks import GUARDS  # noqa: E402
from scripts.faults.lab import Lab, Through  # noqa: E402
from scripts.faults.releases import hostile_releases  # noqa: E402
from scripts.faults.zips import hostile_zips  # noqa: E402

FAULTS: dict[str, Callable[[Lab], None]] = {
    "killed at moments": builds.killed_at_moments,
    "killed at any time": builds.killed_at_any_time,
    "damaged shard": builds.damaged_shard,
    "full disk": builds.full_disk,
    "replaced photos": builds.replaced_photos,
    "changed meanwhile": builds.changed_meanwhile,
    "two at once": builds.two_at_once,
    "hostile zips": hostile_zips,
    "hostile releases": hostile_releases,
}


def campaign(seed: int, without: str, faults: Sequence[str]) -> dict[str, str]:
    """Cause the given faults. Returns one message for each fault that was not caught, by the fault's name."""
    found = {}
    with tempfile.TemporaryDirectory(prefix="cgc-faults-") as folder:
        lab = Lab(Path(folder).resolve(), seed, without)
        for name in faults:
            started = time.monotonic()
            try:
                FAULTS[name](lab)
            except Through as fault:
                found[name] = str(fault)
            print(f"{name:<20} {time.monotonic() - started:6.1f} s  {found.get(name, 'withstood')}", flush=True)
    return found


def noticed(seed: int, guard: str) -> bool:
    """Whether a campaign reports the expected fault while the guard is disabled."""
    fault, says, _ = GUARDS[guard]
    return says in campaign(seed, guard, [fault]).get(fault, "")


def main() -> None:
    """Run a campaign, or test that campaigns notice every disabled guard."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--without", choices=GUARDS, default="")
    parser.add_argument("--self-test", action="store_true")
    parser.add_argument("--only", choices=FAULTS, action="append", help="these faults alone")
    options = parser.parse_args()
    if not options.self_test:
        sys.exit(1 if campaign(options.seed, options.without, options.only or list(FAULTS)) else 0)
    missed = [guard for guard in GUARDS if not noticed(options.seed, guard)]
    print(f"not noticed: {', '.join(missed)}" if missed else "every disabled guard is detected")
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
