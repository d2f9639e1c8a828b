"""Programs of this repository that are no part of a package. A trainer's own package of this name would come first."""
