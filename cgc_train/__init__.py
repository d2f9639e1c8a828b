"""GRPO with a source-aware spatial reward, for models that answer questions about several images.

A training run has these steps: recipe -> check -> (sft) -> grpo -> view -> merge -> push. Torch is imported only when a
model is loaded.
"""
