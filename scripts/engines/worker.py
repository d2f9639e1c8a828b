"""Runs `cgc-train` for the distributed engines. Patches `cgc-train` to run on a CPU, and to give results that can be
compared between runs.

Usage: accelerate launch ... -m scripts.engines.worker [--as-gpus] [--replay] COMMAND ...
"""

import sys
from importlib.util import find_spec


def leave_unpacked() -> None:
    """Keep bitsandbytes from packing weights for CPU kernels.

    bitsandbytes packs rows in blocks of 64 (`_convert_weight_packed_for_cpu`), but the tiny vision tower has rows of
    32.
    """
    from bitsandbytes.nn import modules

    modules.has_avx512bf16 = lambda: False


def main() -> None:
    """Run `cgc-train` with the remaining arguments."""
    from cgc_train.check.stand_in import as_gpus
    from cgc_train.cli import main as cgc_train
    from scripts.engines.replay import replay_after_sampling

    for flag, prepare in (("--as-gpus", as_gpus), ("--replay", replay_after_sampling)):
        if flag in sys.argv:
            sys.argv.remove(flag)
            prepare()
    if find_spec("bitsandbytes"):
        leave_unpacked()
    cgc_train()


if __name__ == "__main__":
    main()
