"""Lets launchers start the command line in every process with `python -m cgc_train`."""

from cgc_train.cli import main

main()
