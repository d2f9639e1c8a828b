"""Scores saved responses. Contains the benchmark interface, response readers, summaries, intervals, and tables."""
