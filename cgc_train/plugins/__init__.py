"""Reward functions for ms-swift, EasyR1, and verl, for data that `cgc-data export` wrote.

To use a reward function, pass the path of its file to the trainer. No file has the name `swift` or `verl`, because
trainers put this folder on the import path.
"""
