"""Publishes a finished run as a model that anyone can load: merged weights, a card, and a version on the Hub."""

from cgc_train.publish.card import model_card
from cgc_train.publish.merge import merge
from cgc_train.publish.push import PushedModel, push_model

__all__ = ["PushedModel", "merge", "model_card", "push_model"]
