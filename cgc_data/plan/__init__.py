"""Plans all samples before any image is rendered. The plan is based on the facts in the index.

Read the modules in this order. `build` makes the whole plan, and `parts` and `part` divide it into parts that are
planned separately. `deal` assigns photos to families (rows that are planned together), round by round. `planner`
defines the interface of all planners, such as `inter`, `same_object`, and `window_sets`. `sets` chooses the photos of a
row, and `windows` chooses windows (crops) of a photo. `asking` composes the questions, and `rows` converts them to the
stored form. The planners base their decisions on `askable`, `truth`, and `balance`.
"""
