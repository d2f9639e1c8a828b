"""Recipes: samples planned without pixels, from what the index warrants.

Read it in this order: build (the whole plan), deal (photos to families, round by round), planner (what planners of
tasks have in common), inter, same_object and window_sets (the planners), sets and windows (what is shown), asking,
rows (as they are stored). They decide by askable, truth and balance.
"""
