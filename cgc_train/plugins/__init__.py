"""The reward for ms-swift, EasyR1, and verl, for data exported by `cgc-data export`.

Pass the file of a module to its trainer. No file is named `swift` or `verl`, since trainers put this folder on the
path.
"""
