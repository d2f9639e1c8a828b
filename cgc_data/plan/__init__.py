"""Recipes: samples planned without pixels, from what the index warrants.

Read it in this order: build (the whole plan), deal (photos to families, round by round), inter and intra (families),
sets and windows (what is shown), asking (questions and their absent twins), rows (as they are stored). askable, truth
and balance are what they decide by.
"""
