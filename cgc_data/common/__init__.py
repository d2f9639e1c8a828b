"""Code that the three packages share: command lines, settings, errors, progress, and downloads."""
