"""`python -m cgc_train`: the command line, for launchers that start a module in every process."""

from cgc_train.cli import main

main()
