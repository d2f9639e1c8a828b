"""The tiny model: a Qwen3-VL small enough for a CPU, for tests, the demo, and proof that training works."""

from cgc_train.tiny.write import MAX_PIXELS, MIN_PIXELS, tiny_processor, write_tiny, write_warm

__all__ = ["MAX_PIXELS", "MIN_PIXELS", "tiny_processor", "write_tiny", "write_warm"]
