"""Programs for developers of this repository, which are not part of any installed package.

This file makes the folder a package, so that Python imports it instead of another package named `scripts` that a
third-party trainer installs.
"""
