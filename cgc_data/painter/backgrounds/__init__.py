"""The backgrounds of the places, painted on a stage."""
