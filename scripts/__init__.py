"""Programs of this repository that are not in a package. This file gives the folder precedence over a trainer's package
of the same name.
"""
