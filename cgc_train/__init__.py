"""GRPO with a source-aware spatial reward: from a release of `cgc_data` to a model that keeps several images apart.

A run goes recipe -> check -> (sft) -> grpo -> view -> merge -> push; nothing here needs torch until a model is loaded.
"""
