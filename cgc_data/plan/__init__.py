"""Recipes: samples planned without pixels, from what the index warrants.

Read it in this order: build (the whole plan), deal (photos to families, round by round), inter and intra (families),
sets and windows (what is shown), asking, same_object and window_sets (what is asked), rows (as they are stored).
They decide by askable, truth and balance.
"""
