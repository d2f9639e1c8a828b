"""From saved responses to figures: the benchmark interface, reading responses, summaries, intervals, tables."""
