"""Trains vision-language models with GRPO to find objects across several images.

The reward is source-aware: a predicted box can match only a ground-truth box in the same image.

A training run has these steps: recipe -> check -> (sft) -> grpo -> view -> merge -> push. Torch is imported only when a
model is loaded.
"""
