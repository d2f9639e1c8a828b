"""`python -m cgc_train`: the same command line, for launchers that start a module on every process."""

from cgc_train.cli import main

main()
