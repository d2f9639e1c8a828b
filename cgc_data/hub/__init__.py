"""Publish a release on the Hugging Face Hub as an immutable version."""

from cgc_data.hub.push import PushResult, push

__all__ = ["PushResult", "push"]
