"""Recipes: samples planned without pixels, from what the index warrants."""
