"""Runs every engine that trains or answers for real, on the CPU with a tiny model, and writes docs/engines.md."""
