"""Look at a run: its curves, and at chosen steps every response with all its images, boxes and terms."""

from cgc_train.view.page import Page, write_page

__all__ = ["Page", "write_page"]
