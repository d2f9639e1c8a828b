"""Paints small scenes with exact annotations, so that all commands can run without a download."""

from cgc_data.painter.paint import PRESETS, PaintedSource, Preset, paint

__all__ = ["PRESETS", "PaintedSource", "Preset", "paint"]
