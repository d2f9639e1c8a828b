"""From saved responses to figures: what a benchmark is, reading responses, summing up, intervals, tables."""
