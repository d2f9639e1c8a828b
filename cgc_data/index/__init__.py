"""What is known to be in each photo, and what is known not to be: photos, presence of categories, instances."""
