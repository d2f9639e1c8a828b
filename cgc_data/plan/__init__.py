"""Plans samples from the facts in the index, before any image is rendered.

Read the modules in this order. The module build makes the whole plan, and parts and part divide it into parts that are
planned separately. The module deal assigns photos to families of rows, round by round. The module planner defines the
interface of all planners, such as inter, same_object, and window_sets. The modules sets and windows choose what the
images show. The module asking composes the questions, and rows converts them to the stored form. The planners base
their decisions on askable, truth, and balance.
"""
