"""Scores saved responses: the benchmark interface, response readers, summaries, intervals, and tables."""
