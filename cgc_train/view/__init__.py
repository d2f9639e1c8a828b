"""Shows a run for inspection: curves, and the responses of selected steps with images, boxes, and reward terms."""

from cgc_train.view.page import Page, write_page

__all__ = ["Page", "write_page"]
