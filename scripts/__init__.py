"""Programs of this repository that are not part of a package. Because of this file, the folder takes precedence over a
trainer's package of the same name.
"""
