"""The metrics that the held-out evaluation and the benchmark share. Each metric measures one kind of failure."""

from cgc_data.metrics.estimate import Estimate, bootstrap_means, estimate
from cgc_data.metrics.floors import FLOORS, floor_response
from cgc_data.metrics.items import ItemScore, accuracy, score_item, score_reading
from cgc_data.metrics.summary import METRICS, Metric, Summary, item_columns, summarise, summarise_by
from cgc_data.metrics.truth import COLUMNS, Box, Truth, TruthRow, truth_of

__all__ = [
    "COLUMNS",
    "FLOORS",
    "METRICS",
    "Box",
    "Estimate",
    "ItemScore",
    "Metric",
    "Summary",
    "Truth",
    "TruthRow",
    "accuracy",
    "bootstrap_means",
    "estimate",
    "floor_response",
    "item_columns",
    "score_item",
    "score_reading",
    "summarise",
    "summarise_by",
    "truth_of",
]
