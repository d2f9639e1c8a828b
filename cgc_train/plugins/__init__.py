"""The reward for ms-swift, EasyR1, and verl, for data that `cgc-data export` wrote. To use it, pass the path of a
module's file to its trainer. No file is named `swift` or `verl`, because trainers put this folder on the import path.
"""
