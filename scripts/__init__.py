"""Programs for developers of this repository, which are not part of any installed package.

This file makes the folder a package. Without the file, Python could import another package named `scripts`, which a
third-party trainer installs.
"""
