"""Plans samples without pixels, from the facts in the index.

Reading order: build (the whole plan), parts and part (what is planned separately), deal (photos to families, round by
round), planner (what all planners share), inter, same_object, and window_sets (the planners), sets and windows (what
the images show), asking, and rows (the stored form). The planners decide with askable, truth, and balance.
"""
