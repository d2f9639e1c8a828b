"""Shared by the three packages: command lines, settings, errors, progress, downloads."""
