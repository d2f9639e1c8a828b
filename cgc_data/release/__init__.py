"""A release on disk: the schema of its rows, and how it is read."""
