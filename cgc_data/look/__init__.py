"""Ways to inspect a release: statistics, plots, its card, and an image gallery."""

from cgc_data.look.card import render_card
from cgc_data.look.documents import documents
from cgc_data.look.plots import plot_assets
from cgc_data.look.stats import release_stats

__all__ = ["documents", "plot_assets", "release_stats", "render_card"]
