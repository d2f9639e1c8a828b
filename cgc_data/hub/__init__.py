"""Publish a release on the Hugging Face Hub as a version that never moves."""

from cgc_data.hub.push import PushResult, push

__all__ = ["PushResult", "push"]
