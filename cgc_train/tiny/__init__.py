"""Tiny models that run on a CPU, such as a tiny Qwen3-VL.

They are used for tests, for the demo, and to show that training works.
"""

from cgc_train.tiny.write import MAX_PIXELS, MIN_PIXELS, tiny_processor, write_tiny, write_warm

__all__ = ["MAX_PIXELS", "MIN_PIXELS", "tiny_processor", "write_tiny", "write_warm"]
