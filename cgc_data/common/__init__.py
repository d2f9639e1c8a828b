"""What the three packages share that is no subject of its own: command lines, settings, errors, progress, downloads."""
