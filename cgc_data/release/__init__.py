"""Reads releases, and defines the schema of their rows."""
