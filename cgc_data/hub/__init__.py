"""Publish a release on the Hugging Face Hub as an immutable version."""

from cgc_data.hub.push import Prepared, PushResult, prepare, push

__all__ = ["Prepared", "PushResult", "prepare", "push"]
