"""Reward functions for the trainers ms-swift, EasyR1, and verl. They score responses to data from `cgc-data export`.

To use a reward function, pass the path of its file to the trainer. No file here is named `swift.py` or `verl.py`:
trainers put this folder on the import path, so such a file would hide the trainer's own package.
"""
