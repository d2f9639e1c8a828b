"""Turns saved responses into figures: the benchmark interface, response readers, summaries, intervals, and tables."""
