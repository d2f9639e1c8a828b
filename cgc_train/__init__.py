"""Training with GRPO and the spatial reward: built on `cgc_data`, not part of this version yet."""
