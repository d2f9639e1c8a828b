"""Publishes a finished run's model to the Hub: merged weights, a model card, and optionally a version tag."""

from cgc_train.publish.card import model_card
from cgc_train.publish.merge import merge
from cgc_train.publish.push import PushedModel, push_model

__all__ = ["PushedModel", "merge", "model_card", "push_model"]
