"""The facts about each photo: its identity, which categories are present or absent, and its instances."""
