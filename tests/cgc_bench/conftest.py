"""Shared with training's tests: the tiny model."""

from tests.cgc_train.conftest import tiny

__all__ = ["tiny"]
