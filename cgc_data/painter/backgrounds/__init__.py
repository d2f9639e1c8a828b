"""The backgrounds of all places, such as a kitchen or a street."""
