"""Shows a training run: its curves, and the responses of selected steps.

Each response is shown with its images, boxes, and reward terms.
"""

from cgc_train.view.page import Page, write_page

__all__ = ["Page", "write_page"]
