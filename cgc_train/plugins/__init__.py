"""The reward as ms-swift, EasyR1 and verl take it, for data that `cgc-data export` wrote.

Each module is a file to name to its trainer. None is called `swift` or `verl`: trainers put this folder on the path.
"""
