"""Plans samples without reading pixels, from the facts in the index.

Read the modules in this order: build makes the whole plan; parts and part define what is planned separately; deal
assigns photos to families of rows, round by round; planner defines what all planners share; inter, same_object, and
window_sets are planners; sets and windows choose what the images show; asking writes the questions, and rows their
stored form. The planners base their decisions on askable, truth, and balance.
"""
