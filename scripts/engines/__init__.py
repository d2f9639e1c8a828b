"""Runs every training and inference engine on the CPU with a tiny model, and writes docs/engines.md."""
