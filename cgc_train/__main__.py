"""Runs `cgc-train` as a module, so that a launcher can start it in every process with `python -m cgc_train`."""

from cgc_train.cli import main

main()
