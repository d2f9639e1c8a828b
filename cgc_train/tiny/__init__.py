"""A tiny Qwen3-VL model that runs on a CPU.

The tiny model is used for tests, for the demo, and to show that training works.
"""

from cgc_train.tiny.write import MAX_PIXELS, MIN_PIXELS, tiny_processor, write_tiny, write_warm

__all__ = ["MAX_PIXELS", "MIN_PIXELS", "tiny_processor", "write_tiny", "write_warm"]
