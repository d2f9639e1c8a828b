"""Packages of the distribution: the three in their folders, and `cards/` installed as `cgc_cards`."""

from setuptools import find_packages, setup

setup(
    packages=[*find_packages(include=["cgc_data*", "cgc_train*", "cgc_bench*"]), "cgc_cards"],
    package_dir={"cgc_cards": "cards"},
)
