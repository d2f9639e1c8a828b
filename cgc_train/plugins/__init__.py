"""Reward functions for the trainers ms-swift, EasyR1, and verl. They score responses to data from `cgc-data export`.

To use a reward function, pass the path of its file to the trainer. Trainers add this folder to the import path.
Therefore, no file here may be named `swift.py` or `verl.py`, which would hide the trainer's own package.
"""
