"""The tiny model: a Qwen3-VL small enough for a CPU, for tests, the demo and the proof that training learns."""

from cgc_train.tiny.write import MAX_PIXELS, MIN_PIXELS, tiny_processor, write_tiny, write_warm

__all__ = ["MAX_PIXELS", "MIN_PIXELS", "tiny_processor", "write_tiny", "write_warm"]
