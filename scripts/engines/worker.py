"""`cgc-train` as the engines that share the work run it, with what a CPU needs and a comparison needs.

Usage: accelerate launch ... -m scripts.engines.worker [--as-gpus] [--replay] COMMAND ...
"""

import sys


def main() -> None:
    """Run `cgc-train` with the words that are left."""
    from cgc_train.check.stand_in import as_gpus
    from cgc_train.cli import main as cgc_train
    from scripts.engines.replay import replay_after_sampling

    for flag, prepare in (("--as-gpus", as_gpus), ("--replay", replay_after_sampling)):
        if flag in sys.argv:
            sys.argv.remove(flag)
            prepare()
    cgc_train()


if __name__ == "__main__":
    main()
