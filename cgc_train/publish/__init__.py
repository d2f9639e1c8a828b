"""From a finished run to a model that anyone loads: merged weights, a card, a version on the Hub."""

from cgc_train.publish.card import model_card
from cgc_train.publish.merge import merge
from cgc_train.publish.push import PushedModel, push_model

__all__ = ["PushedModel", "merge", "model_card", "push_model"]
