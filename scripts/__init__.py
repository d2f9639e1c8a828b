"""Programs of this repository that are not in a package. Takes precedence over a trainer's package of this name."""
