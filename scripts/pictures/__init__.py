"""Draws the pictures in docs/, with one module per subject: questions, presence, and visibility."""
