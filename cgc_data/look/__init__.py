"""Ways to look at a release: statistics, plots, its card and a gallery to inspect by eye."""

from cgc_data.look.card import render_card
from cgc_data.look.documents import documents
from cgc_data.look.plots import plot_assets
from cgc_data.look.stats import release_stats

__all__ = ["documents", "plot_assets", "release_stats", "render_card"]
