"""A small scene painter with exact annotations, so that everything runs without a download."""

from cgc_data.painter.paint import PRESETS, PaintedSource, Preset, paint

__all__ = ["PRESETS", "PaintedSource", "Preset", "paint"]
